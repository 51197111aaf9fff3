#include "tools/compare/report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace polonaise::tools {

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else if (c == '\n' || c == '\t') {
      out += ' ';
    }
  }
  return out;
}

std::string number(std::optional<double> value, std::string_view format) {
  if (!value || !std::isfinite(*value)) return "–";
  return fmt::format(fmt::runtime(format), *value);
}

std::string with_prefix(std::optional<double> value) {
  if (!value || !std::isfinite(*value)) return "–";
  constexpr std::pair<double, std::string_view> kPrefixes[] = {
      {1e15, " P"}, {1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e3, " k"}};
  double scaled = *value;
  std::string_view prefix;
  for (const auto& [size, name] : kPrefixes) {
    if (std::abs(*value) < 0.9995 * size) continue;
    scaled = *value / size;
    prefix = name;
    break;
  }
  const int digits = std::abs(scaled) >= 99.95 ? 0 : std::abs(scaled) >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f}{}", scaled, digits, prefix);
}

std::string HtmlTable::html() const {
  std::string out = fmt::format(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
      "aria-label=\"{0}\"><table>\n<caption>{0}</caption>\n<thead><tr>",
      escape_html(caption));
  for (const Column& column : columns) {
    out += fmt::format("<th scope=\"col\"{}{}>{}</th>", column.text ? " class=\"text\"" : "",
                       column.hint.empty() ? "" : fmt::format(" title=\"{}\"", escape_html(column.hint)),
                       escape_html(column.title));
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    if (row.size() != columns.size())
      throw std::logic_error("a row of \"" + caption + "\" has not a cell for each column");
    out += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::string classes = row[i].css_class;
      if (columns[i].text && i > 0) classes += classes.empty() ? "text" : " text";
      const std::string attribute = classes.empty() ? "" : fmt::format(" class=\"{}\"", classes);
      out += i == 0 ? fmt::format("<th scope=\"row\"{}>{}</th>", attribute, row[i].html)
                    : fmt::format("<td{}>{}</td>", attribute, row[i].html);
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string fill(std::string_view page, const std::vector<std::pair<std::string, std::string>>& values) {
  for (const auto& [name, value] : values) {
    if (page.find("{{" + name + "}}") == std::string_view::npos)
      throw std::logic_error(name + " has no place in the page");
  }
  std::string out;
  for (std::size_t at = page.find("{{"); at != std::string_view::npos; at = page.find("{{")) {
    const std::size_t end = page.find("}}", at);
    const std::string name(page.substr(at + 2, end - at - 2));
    const auto value = std::ranges::find(values, name, &std::pair<std::string, std::string>::first);
    if (value == values.end()) throw std::logic_error("the page's " + name + " has no value");
    out.append(page.substr(0, at)).append(value->second);
    page.remove_prefix(end + 2);
  }
  return out.append(page);
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned bits = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j) bits = bits << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) out += j <= count ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

}  // namespace polonaise::tools
