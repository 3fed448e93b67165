/// A name as it may stand in a statement, always in quotes.
public func quotedName(_ name: String) -> String { quoted(name, with: "\"") }

/// A name as it may stand in a statement, in quotes unless it is plain: lower case letters, digits and
/// underscores, no keyword that the grammar keeps for itself.
public func quotedIfNeeded(_ name: String) -> String {
  guard let first = name.utf8.first, ByteClass.of(first) == .letter, first < 0x80 else {
    return quotedName(name)
  }
  let isPlain = name.utf8.allSatisfy { byte in
    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "_")
  }
  guard isPlain else { return quotedName(name) }
  if let keyword = KeywordTable.shared.keyword(of: name) {
    let category = keyword.category
    guard category == .unreserved || category == .name else { return quotedName(name) }
  }
  return name
}

/// A text as a string literal.
public func stringLiteral(_ text: String) -> String { quoted(text, with: "'") }

private func quoted(_ text: String, with quote: Unicode.Scalar) -> String {
  var result = String.UnicodeScalarView()
  result.append(quote)
  for scalar in text.unicodeScalars {
    if scalar == quote { result.append(quote) }
    result.append(scalar)
  }
  result.append(quote)
  return String(result)
}
