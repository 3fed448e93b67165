/// What a statement says about caching in a comment: `/*+ cache(ttl='30s') */`, `/*+ no_cache */`.
public struct CacheHint: Hashable, Sendable {
  /// Its result is neither looked up nor kept.
  public var isOff = false
  /// Its result may be kept although it calls functions that nobody knows here.
  public var isForced = false
  /// How long the result may be served.
  public var maxAgeMicroseconds: Int64?
  /// For how long it may be served although it is stale or too old, while it is computed anew; nil for not at all.
  public var staleMicroseconds: Int64?

  public init() {}
}

extension StatementText {
  /// The hints of a statement, also those right before it; comments with `+` that mean nothing to us are for others.
  ///
  /// - Throws: When a hint of ours has an option that does not exist, or a value that is no time.
  public var cacheHint: CacheHint {
    get throws(SQLError) {
      var hint = CacheHint()
      let previous =
        tokenRange.lowerBound > 0 ? Int(source.tokens[tokenRange.lowerBound - 1].end) : 0
      var gap = previous
      for token in tokens {
        try readHints(gap..<Int(token.start), &hint)
        gap = Int(token.end)
      }
      let next =
        tokenRange.upperBound < source.tokens.count
        ? Int(source.tokens[tokenRange.upperBound].start) : source.bytes.count
      try readHints(gap..<next, &hint)
      return hint
    }
  }

  private func readHints(_ gap: Range<Int>, _ hint: inout CacheHint) throws(SQLError) {
    guard gap.count > 5 else { return }
    let text = source.text(in: gap)
    var rest = text[...]
    while let start = rest.firstRange(of: "/*+") {
      let body = rest[start.upperBound...]
      guard let end = body.firstRange(of: "*/") else { return }
      try CacheHintReader(String(body[..<end.lowerBound]), self, gap.lowerBound).read(&hint)
      rest = body[end.upperBound...]
    }
  }
}

/// Reads the inside of one comment.
private struct CacheHintReader {
  private let text: SQLText
  private let position: SourcePosition

  init(_ body: String, _ statement: StatementText, _ byte: Int) throws(SQLError) {
    text = try SQLText(body)
    position = statement.source.position(ofByte: byte)
  }

  private func word(_ index: Int) -> String {
    guard text.tokens.indices.contains(index) else { return "" }
    return text.text(of: text.tokens[index]).lowercased()
  }

  func read(_ hint: inout CacheHint) throws(SQLError) {
    var place = 0
    while place < text.tokens.count {
      switch word(place) {
      case "no_cache": hint.isOff = true
      case "cache":
        hint.isForced = true
        guard word(place + 1) == "(" else { break }
        place = try options(from: place + 2, &hint)
      default: break
      }
      place += 1
    }
  }

  /// - Returns: Where the closing bracket is.
  private func options(from start: Int, _ hint: inout CacheHint) throws(SQLError) -> Int {
    var place = start
    while place < text.tokens.count, word(place) != ")" {
      if word(place) == "," {
        place += 1
        continue
      }
      let name = word(place)
      guard word(place + 1) == "=", text.tokens.indices.contains(place + 2) else {
        throw SQLError("the hint cache(\(name)) has no value; write \(name)='30s'", at: position)
      }
      let token = text.tokens[place + 2]
      let value = text.text(of: token).filter { $0 != "'" }
      guard let micros = DurationText.microseconds(value) else {
        throw SQLError(
          "\(name) in the hint cache is \"\(value)\", which is no time; write '30s' or '5m'",
          at: position)
      }
      switch name {
      case "ttl": hint.maxAgeMicroseconds = micros
      case "stale_while_revalidate": hint.staleMicroseconds = micros
      default:
        throw SQLError(
          "the hint cache has no option \(name); it has ttl and stale_while_revalidate",
          at: position)
      }
      place += 3
    }
    return place
  }
}
