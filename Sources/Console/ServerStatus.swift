/// What the status page and the health page say.
public struct ServerStatus: Hashable, Sendable {
  /// Whether calls are taken. A server that drains is alive but not ready.
  public var isReady: Bool
  /// Where clients connect, as `grpc://host:port`.
  public var address: String
  /// What goes up and down.
  public var figures: [Figure]
  /// What stays: a name and what it is.
  public var lines: [Line]

  public struct Line: Hashable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  public struct Figure: Hashable, Sendable {
    public var name: String
    public var value: String
    /// A few words in small print below the value.
    public var note: String

    public init(_ name: String, _ value: String, note: String) {
      self.name = name
      self.value = value
      self.note = note
    }
  }

  public init(isReady: Bool, address: String, figures: [Figure], lines: [Line]) {
    self.isReady = isReady
    self.address = address
    self.figures = figures
    self.lines = lines
  }
}
