extension ConnectionURI {
  /// A connection string for people: without password, token and other secrets.
  public static func redacted(_ text: String) -> String {
    var uri = ConnectionURI(text)
    guard uri.scheme != nil else { return redactedKeywords(text) }
    if uri.encodedPassword != nil { uri.encodedPassword = Redaction.mark }
    uri.parameters = uri.parameters.map { parameter in
      guard parameter.value != nil, isSecret(parameter.decodedName) else { return parameter }
      return Parameter(parameter.name, Redaction.mark)
    }
    if let part = misplacedPassword(in: text) {
      return Redaction([part]).apply(to: uri.text)
    }
    return uri.text
  }

  /// The secrets in a connection string, as written and decoded.
  public static func secrets(in text: String) -> [String] {
    let uri = ConnectionURI(text)
    guard uri.scheme != nil else { return keywordSecrets(text).map(\.value) }
    var secrets = [uri.encodedPassword, uri.password, misplacedPassword(in: text)].compactMap { $0 }
    for parameter in uri.parameters where isSecret(parameter.decodedName) {
      secrets += [parameter.value ?? "", parameter.decodedValue]
    }
    return secrets.filter { !$0.isEmpty }
  }

  /// Whether the value of an option must not be shown.
  public static func isSecret(_ name: String) -> Bool {
    let lower = name.lowercased()
    return [
      "password", "passwd", "pwd", "token", "secret", "api_key", "apikey", "access_key",
      "private_key", "credential", "authorization",
    ].contains { lower.contains($0) }
  }

  /// What stands between user and host if the password holds a slash that is not encoded, so that the authority seems to end in it.
  private static func misplacedPassword(in text: String) -> String? {
    guard let start = text.range(of: "://") else { return nil }
    let left = text[start...].dropFirst(3).prefix { $0 != "?" }
    guard let at = left.lastIndex(of: "@"), let slash = left.firstIndex(of: "/"), slash < at,
      let colon = left.firstIndex(of: ":"), colon < slash
    else { return nil }
    return String(left[left.index(after: colon)..<at])
  }

  // MARK: - libpq's keywords: host=… password='…'

  private static func redactedKeywords(_ text: String) -> String {
    var text = text
    for secret in keywordSecrets(text).reversed() {
      text.replaceSubrange(secret.range, with: Redaction.mark)
    }
    return text
  }

  private static func keywordSecrets(
    _ text: String
  ) -> [(value: String, range: Range<String.Index>)] {
    var secrets: [(value: String, range: Range<String.Index>)] = []
    var place = text.startIndex
    while let sign = text[place...].firstIndex(of: "=") {
      let name = text[place..<sign].split(whereSeparator: \.isWhitespace).last ?? ""
      var start = text.index(after: sign)
      while start < text.endIndex, text[start].isWhitespace { start = text.index(after: start) }
      let (value, end) = keywordValue(text, from: start)
      if isSecret(String(name)) { secrets.append((value, start..<end)) }
      place = end
    }
    return secrets
  }

  /// A word, or a quoted text in which a backslash takes the next character as it is.
  private static func keywordValue(
    _ text: String, from start: String.Index
  ) -> (value: String, end: String.Index) {
    var value = ""
    var place = start
    let isQuoted = place < text.endIndex && text[place] == "'"
    if isQuoted { place = text.index(after: place) }
    while place < text.endIndex {
      let character = text[place]
      if isQuoted ? character == "'" : character.isWhitespace { break }
      let next = text.index(after: place)
      if character == "\\", next < text.endIndex {
        value.append(text[next])
        place = text.index(after: next)
      } else {
        value.append(character)
        place = next
      }
    }
    if isQuoted, place < text.endIndex { place = text.index(after: place) }
    return (value, place)
  }
}

extension String {
  fileprivate func range(of part: String) -> String.Index? {
    var place = startIndex
    while place < endIndex {
      if self[place...].hasPrefix(part) { return place }
      place = index(after: place)
    }
    return nil
  }
}
