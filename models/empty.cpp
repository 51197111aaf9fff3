// Keeps the room buildable until its first source lands.
