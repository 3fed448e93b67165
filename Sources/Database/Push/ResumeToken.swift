internal import Log

/// A place in a stream, as clients keep it to go on from there. They see only its text.
struct ResumeToken: Hashable, Sendable {
  var topic: TopicID
  var offset: Offset

  private static let prefix = "hs1-"

  init(_ topic: TopicID, _ offset: Offset) {
    self.topic = topic
    self.offset = offset
  }

  init?(_ text: String) {
    guard text.hasPrefix(Self.prefix) else { return nil }
    let parts = text.dropFirst(Self.prefix.count).split(separator: "-")
    guard parts.count == 2, let topic = UInt32(parts[0], radix: 16),
      let offset = Int64(parts[1], radix: 16)
    else { return nil }
    self.init(TopicID(rawValue: topic), Offset(offset))
  }

  var text: String {
    Self.prefix + String(topic.rawValue, radix: 16) + "-" + String(offset.rawValue, radix: 16)
  }

  /// - Throws: INVALID_ARGUMENT when the text is no token, or one of another stream.
  static func parse(_ text: String, for stream: Stream) throws(DatabaseError) -> Offset {
    guard let token = ResumeToken(text) else {
      throw DatabaseError(.invalidArgument, "'\(text)' is no resume token of this server")
    }
    guard token.topic == stream.topicID else {
      throw DatabaseError(
        .invalidArgument,
        "the resume token is not one of \(stream.definition.qualifiedName), or of one that was "
          + "dropped since")
    }
    return token.offset
  }
}
