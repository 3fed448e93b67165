/// A statement of the streaming dialect. Everything else goes to DuckDB.
public indirect enum StreamStatement: Hashable, Sendable {
  case createStream(CreateStream)
  case dropStream(QualifiedName, isIfExists: Bool)
  case alterStream(QualifiedName, AlterStream)
  case showStreams
  case describeStream(QualifiedName)
  case showCreateStream(QualifiedName)
  /// `SELECT … EMIT CHANGES`.
  case emitChanges(EmitChanges)
  case showQueries
  /// Ends one query, or all with nil.
  case terminateQuery(id: String?)
  case pauseQuery(id: String)
  case resumeQuery(id: String)
  case createSubscription(CreateSubscription)
  case dropSubscription(name: String, isIfExists: Bool)
  case showSubscriptions
  case subscribe(Subscribe)
  case acknowledge(subscription: String, token: String)
}

public struct CreateStream: Hashable, Sendable {
  public var name: QualifiedName
  public var isIfNotExists = false
  public var columns: [StreamColumn] = []
  public var watermark: StreamWatermark?
  public var options: [StreamOption] = []
  /// The query of `AS SELECT …`.
  public var query: String?
}

public struct StreamColumn: Hashable, Sendable {
  public var name: String
  /// As written, for DuckDB.
  public var type: String
  public var isNullable = true
  /// The expression after DEFAULT.
  public var defaultExpression: String?

  public init(name: String, type: String) {
    self.name = name
    self.type = type
  }
}

/// `WATERMARK FOR c AS c - INTERVAL '5' SECOND`.
public struct StreamWatermark: Hashable, Sendable {
  public var column: String
  public var delayMicroseconds: Int64

  public init(column: String, delayMicroseconds: Int64) {
    self.column = column
    self.delayMicroseconds = delayMicroseconds
  }
}

/// One option of `WITH (…)`; the name in lower case.
public struct StreamOption: Hashable, Sendable {
  public var name: String
  public var value: String
  public var position: SourcePosition

  public init(name: String, value: String, position: SourcePosition) {
    self.name = name
    self.value = value
    self.position = position
  }
}

public enum AlterStream: Hashable, Sendable {
  case addColumn(StreamColumn, isIfNotExists: Bool)
  case setType(column: String, type: String)
  case renameColumn(String, to: String)
  case rename(to: String)
  case setOptions([StreamOption])
  case setWatermark(StreamWatermark)
}

/// Where an endless query begins.
public enum EmitStart: Hashable, Sendable {
  case beginning
  case now
  case offset(Int64)
  /// An expression that DuckDB turns into a time.
  case timestamp(String)
  case token(String)
}

public struct EmitChanges: Hashable, Sendable {
  /// The SELECT without its EMIT clause.
  public var query: String
  public var start: EmitStart

  public init(query: String, start: EmitStart = .now) {
    self.query = query
    self.start = start
  }
}

public struct CreateSubscription: Hashable, Sendable {
  public var name: String
  public var isIfNotExists = false
  /// What is subscribed to: `SELECT * FROM s`, or a query of its own.
  public var query: String
  public var options: [StreamOption] = []
}

public struct Subscribe: Hashable, Sendable {
  /// A subscription or a stream; nil when a query is given.
  public var name: QualifiedName?
  public var query: String?
  public var since: String?

  public init(name: QualifiedName? = nil, query: String? = nil, since: String? = nil) {
    self.name = name
    self.query = query
    self.since = since
  }
}
