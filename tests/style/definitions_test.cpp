#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <regex>

#include "tests/style/source_tree.h"

namespace polonaise::testing {
namespace {

// The text with comments, literals and preprocessor lines blanked out, so that every brace is one of the language's.
std::string code_of(const std::string& text) {
  std::string code;
  bool line_begins = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto skip_to = [&](std::string_view end) {
      const std::size_t found = text.find(end, i);
      i = (found == std::string::npos ? text.size() : found + end.size()) - 1;
    };
    if (text.compare(i, 2, "//") == 0) {
      skip_to("\n");
      code += '\n';
      line_begins = true;
    } else if (text.compare(i, 2, "/*") == 0) {
      skip_to("*/");
    } else if (text.compare(i, 2, "R\"") == 0) {
      const std::size_t open = text.find('(', i);
      const std::string end = ")" + text.substr(i + 2, open - i - 2) + "\"";
      i = open;
      skip_to(end);
      code += "\"\"";
    } else if (text[i] == '"' || (text[i] == '\'' && (i == 0 || std::isalnum(text[i - 1]) == 0))) {
      const char quote = text[i];
      for (++i; i < text.size() && text[i] != quote; ++i)
        if (text[i] == '\\') ++i;
      code += "\"\"";
    } else if (line_begins && text[i] == '#') {
      while (i < text.size() && (text[i] != '\n' || text[i - 1] == '\\')) ++i;
      code += '\n';
    } else {
      if (text[i] == '\n')
        line_begins = true;
      else if (std::isspace(static_cast<unsigned char>(text[i])) == 0)
        line_begins = false;
      code += text[i];
    }
  }
  return code;
}

std::string trimmed(const std::string& text) {
  static const std::regex spaces(R"(\s+)");
  const std::string one = std::regex_replace(text, spaces, " ");
  const std::size_t begin = one.find_first_not_of(' ');
  return begin == std::string::npos ? "" : one.substr(begin, one.find_last_not_of(' ') - begin + 1);
}

// The types of a parameter list, without names and defaults.
std::string types_of(const std::string& parameters) {
  static const std::regex name(R"(^(.*[\s&*>])\w+$)");
  std::string types, one;
  int depth = 0;
  const auto add = [&] {
    one = trimmed(one.substr(0, one.find('=')));
    std::smatch match;
    if (std::regex_match(one, match, name) && trimmed(match[1]) != "const") one = trimmed(match[1]);
    types += (types.empty() ? "" : ", ") + one;
    one.clear();
  };
  for (const char c : parameters) {
    depth += (c == '<' || c == '(' || c == '[' || c == '{') - (c == '>' || c == ')' || c == ']' || c == '}');
    if (c == ',' && depth == 0)
      add();
    else
      one += c;
  }
  if (!trimmed(one).empty()) add();
  return types;
}

// What a statement that opens a brace in a namespace defines there: "struct Name", or "name(types)"; or nothing.
std::string defined_by(const std::string& statement) {
  static const std::regex type(
      R"(^(?:template <.*> ?(?:requires.*)?)?(?:struct|class|enum|enum class|union) (\w+)(?: final)?(?: :.*)?$)");
  static const std::regex function(
      R"(^(.*?)((?:\w+(?:<[\w, ]*>)?::)*~?\w+) ?\(((?:[^()]|\([^()]*\))*)\)(?: const)?(?: noexcept)?(?: ->.*| :.*)?$)");
  const std::string text = trimmed(statement);
  std::smatch match;
  if (std::regex_match(text, match, type)) return "type " + match[1].str();
  if (text.starts_with("static ") || text.find('=') < text.find('(')) return "";
  if (std::regex_match(text, match, function) && match[2] != "main" && !trimmed(match[1]).ends_with("decltype"))
    return match[2].str() + "(" + types_of(match[3]) + ")";
  return "";
}

// What a file defines with external linkage, each with its namespaces before it.
std::set<std::string> definitions(const Source& source) {
  static const std::regex opens(R"(^(?:inline )?namespace ?([\w:]*)$)");
  std::set<std::string> found;
  std::vector<std::string> scopes;  // of namespaces their name; "" for unnamed ones; "{" for all other braces
  std::string statement;
  for (const char c : code_of(source.text)) {
    const bool in_namespace = std::none_of(scopes.begin(), scopes.end(),
                                           [](const std::string& scope) { return scope.empty() || scope == "{"; });
    if (c == '{') {
      const std::string text = trimmed(statement);
      std::smatch match;
      const bool is_namespace = std::regex_match(text, match, opens);
      const std::string defined = in_namespace && !is_namespace ? defined_by(text) : "";
      std::string place;
      for (const std::string& scope : scopes) place += scope + "::";
      if (!defined.empty()) found.insert(place + defined);
      scopes.push_back(is_namespace ? match[1].str() : "{");
      statement.clear();
    } else if (c == '}') {
      if (!scopes.empty()) scopes.pop_back();
      statement.clear();
    } else if (c == ';') {
      statement.clear();
    } else {
      statement += c;
    }
  }
  return found;
}

// Of one program alone: a test's executables, programs and benches each link a few files of these folders.
bool is_alone(const std::string& path) {
  return path.starts_with("bench/") || path.starts_with("tests/");
}

// A build has the one or the other.
std::string build_of(const std::string& path) {
  return path.starts_with("kernels/simt/emulator/") ? "emulated"
         : path.starts_with("kernels/cuda/driver/") ? "card"
                                                    : "";
}

std::vector<std::string> twice_defined(const std::vector<Source>& sources) {
  std::map<std::string, std::vector<std::string>> where;
  for (const Source& source : sources)
    if (!is_alone(source.path))
      for (const std::string& definition : definitions(source)) where[definition].push_back(source.path);
  std::vector<std::string> faults;
  for (const auto& [definition, paths] : where)
    for (std::size_t i = 1; i < paths.size(); ++i)
      if (build_of(paths[0]).empty() || build_of(paths[i]).empty() || build_of(paths[0]) == build_of(paths[i]))
        faults.push_back(definition + " is defined in " + paths[0] + " and in " + paths[i]);
  return faults;
}

TEST(Definitions, OfOneNameStandInOneFile) {
  for (const std::string& fault : twice_defined(read_sources())) ADD_FAILURE() << fault;
}

TEST(Definitions, AreFoundWhereverTheyStand) {
  const std::string text = R"text(
    #define NOT_CODE {
    namespace polonaise {
    namespace { struct Hidden {}; void hidden() {} }
    namespace io {
    // struct Comment {
    const char* const literal = "struct Literal {";
    class Meter { struct Part {}; void member() {} };
    template <class T> struct Box : Base<T> { };
    enum class Kind { one };
    struct Declared;
    inline constexpr int kTable[] = {1, 2};
    double bars(const Meter& meter, int from = 0) { if (from) {} return 0; }
    void Meter::place(std::vector<std::pair<int, int>> all) const {}
    template <class T> void Box<T>::check() const {}
    static void internal() {}
    int declared(int);
    }  // namespace io
    }  // namespace polonaise
  )text";
  EXPECT_EQ(definitions({"io/a.h", text}),
            (std::set<std::string>{"polonaise::io::type Meter", "polonaise::io::type Box", "polonaise::io::type Kind",
                                   "polonaise::io::bars(const Meter&, int)",
                                   "polonaise::io::Meter::place(std::vector<std::pair<int, int>>)",
                                   "polonaise::io::Box<T>::check()"}));
}

TEST(Definitions, OfTwoFilesAreFaultsUnlessABuildHasOneOfThem) {
  const std::string meter = "namespace a { struct Meter {}; }", places = "namespace a { void f(int x) {} }";
  EXPECT_EQ(twice_defined({{"io/a.h", meter}, {"io/b.h", meter}}).size(), 1u);
  EXPECT_EQ(twice_defined({{"io/a.cpp", places}, {"io/b.cpp", "namespace a { int f(int y) {} }"}}).size(), 1u);
  EXPECT_EQ(twice_defined({{"io/a.cpp", places}, {"io/b.cpp", "namespace a { int f(long y) {} }"}}).size(), 0u);
  EXPECT_EQ(twice_defined({{"kernels/cuda/driver/a.cpp", places}, {"kernels/simt/emulator/a.cpp", places}}).size(), 0u);
  EXPECT_EQ(twice_defined({{"kernels/cuda/driver/a.cpp", places}, {"kernels/cuda/driver/b.cpp", places}}).size(), 1u);
  EXPECT_EQ(twice_defined({{"tests/a.cpp", places}, {"tests/b.cpp", places}}).size(), 0u);
}

}  // namespace
}  // namespace polonaise::testing
