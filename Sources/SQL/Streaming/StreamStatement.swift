/// A statement of the streaming dialect. Everything else goes to DuckDB.
public indirect enum StreamStatement: Hashable, Sendable {
  case createStream(CreateStream)
  case dropStream(QualifiedName, isIfExists: Bool, isCascading: Bool = false)
  case alterStream(QualifiedName, AlterStream)
  case showStreams
  case describeStream(QualifiedName)
  case showCreateStream(QualifiedName)
  /// `SELECT … EMIT CHANGES`.
  case emitChanges(EmitChanges)
  case showQueries
  /// Ends one query, or all with nil.
  case terminateQuery(id: String?)
  /// One query, or all with nil.
  case pauseQuery(id: String?)
  case resumeQuery(id: String?)
  /// `INSERT INTO t SELECT … EMIT CHANGES`.
  case insertContinuously(ContinuousInsert)
  case declareCursor(DeclareCursor)
  case fetch(FetchCursor)
  /// One cursor, or all with nil.
  case closeCursor(name: String?)
  case createSubscription(CreateSubscription)
  case dropSubscription(name: String, isIfExists: Bool)
  case showSubscriptions
  case subscribe(Subscribe)
  case acknowledge(subscription: String, token: String)
  case createEngine(CreateEngine)
  case dropEngine(name: String, isIfExists: Bool, isCascading: Bool)
  /// Asks an engine again which tables it has.
  case refreshEngine(name: String)
  /// From now on statements of the session go to this engine; nil for the one that the server was started with.
  case useEngine(name: String?)
  case showEngines
  case showCache
  /// The results that read this relation, or all with nil.
  case flushCache(name: String?)
  case cacheTable(CacheTable)
  case uncacheTable(QualifiedName, isIfExists: Bool)
  /// `CACHE SELECT …`: its result is kept, and computed again when it is stale or so old.
  case cacheQuery(String, refreshMicroseconds: Int64?)
  case uncacheQuery(String)
}

/// `CREATE ENGINE pg WITH (connection = 'postgresql://…')`.
public struct CreateEngine: Hashable, Sendable {
  public var name: String
  public var isIfNotExists = false
  public var isOrReplace = false
  public var options: [StreamOption] = []

  public init(name: String) { self.name = name }
}

public struct CreateStream: Hashable, Sendable {
  public var name: QualifiedName
  public var isIfNotExists = false
  public var columns: [StreamColumn] = []
  public var watermark: StreamWatermark?
  public var options: [StreamOption] = []
  /// The query of `AS SELECT …`, without its EMIT clause.
  public var query: String?
  /// Whether EMIT CHANGES is written behind the query: it has to run on.
  public var emitsChanges = false
  /// Where the query begins, if that is written behind EMIT CHANGES.
  public var start: EmitStart?
  /// The query as it is run over what is there: it may name other relations than the one that was
  /// written.
  public var queryAtRest: String?
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

/// `INSERT INTO t SELECT … FROM s EMIT CHANGES`.
public struct ContinuousInsert: Hashable, Sendable {
  public var target: QualifiedName
  /// The columns that are named; nil for all of them in their order.
  public var columns: [String]?
  public var isByName: Bool
  /// The SELECT without its EMIT clause.
  public var query: String
  /// Where it begins, if that is written.
  public var start: EmitStart?

  public init(
    target: QualifiedName, columns: [String]?, isByName: Bool, query: String, start: EmitStart?
  ) {
    self.target = target
    self.columns = columns
    self.isByName = isByName
    self.query = query
    self.start = start
  }
}

/// `DECLARE c SUBSCRIPTION CURSOR FOR s [SINCE …]`.
public struct DeclareCursor: Hashable, Sendable {
  public var name: String
  /// A stream or a subscription.
  public var source: QualifiedName
  /// Nil for where the subscription is, or for now.
  public var start: EmitStart?

  public init(name: String, source: QualifiedName, start: EmitStart? = nil) {
    self.name = name
    self.source = source
    self.start = start
  }
}

/// `FETCH n FROM c [WITH (timeout = '1s')]`.
public struct FetchCursor: Hashable, Sendable {
  public var name: String
  /// The most rows that are wanted; at least 1.
  public var rowCount: Int
  /// How long to wait for the first row, in microseconds; nil does not wait.
  public var timeoutMicroseconds: Int64?

  public init(name: String, rowCount: Int, timeoutMicroseconds: Int64? = nil) {
    self.name = name
    self.rowCount = rowCount
    self.timeoutMicroseconds = timeoutMicroseconds
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
