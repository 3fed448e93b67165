internal import Engine
internal import SQL

/// What has to be known about a statement before it may run: what it does to the session and to
/// the database, and the text that DuckDB gets.
struct StatementPlan: Sendable {
  enum Effect: Sendable {
    /// Changes nothing, returns rows.
    case read
    /// Changes rows of tables.
    case write
    /// Changes the catalog: kept statements have to be prepared again.
    case define
    case begin
    case commit
    case rollback
    /// Changes a setting of the session; `nil` as statement sets it back.
    case setting(name: String, statement: String?)
    /// A statement of the streaming dialect, which the session carries out.
    case stream(StreamStatement)
    case insertIntoStream(StreamInsert)
    case loadEngine(EngineLoad)
    /// All rows of a stream, from the log.
    case scanStream(Stream, limit: Int?)
  }

  /// The text for DuckDB.
  var sql: String
  var effect: Effect
  /// Whether it makes or needs something that lives in one connection: a temporary table, a
  /// variable, a statement prepared in SQL.
  var needsOwnConnection = false
  /// Where each parameter of a plain `INSERT … VALUES (…)` of one row stands, so that many rows of
  /// parameters can be inserted at once.
  var singleRowInsert: SingleRowInsert?

  /// Whether its answer is rows for the client, also if it changes something: `INSERT … RETURNING`.
  var returnsRows = false

  /// The text for DuckDB when it is run with one row of parameters, if that is another.
  var sqlWithParameters: String?
  /// The text as it was written.
  var givenText: String?
  /// The text as it was written, if DuckDB would understand it as well.
  var writtenText: String?
  /// Streams whose relation with the hidden columns the statement needs.
  var streamsBehindView: [Stream] = []
  /// Databases behind whose tables it reads here.
  var foreignEngines: [Backend] = []
  /// Copies of such tables, which are there until the statement has ended.
  var copies: [CoveringCopy] = []
  /// What is known of it, if it is for a database behind.
  var backend: BackendPlan?

  var isRead: Bool {
    switch effect {
    case .read, .scanStream: true
    default: false
    }
  }

  /// The copies that it reads are there until its result has ended.
  func keepCopies(until pump: ResultPump) {
    guard !copies.isEmpty else { return }
    pump.onEnd { [copies] _ in withExtendedLifetime(copies) {} }
  }

  var isTransactionControl: Bool {
    switch effect {
    case .begin, .commit, .rollback: true
    default: false
    }
  }

  /// Whether it changes the catalog.
  var isDefinition: Bool {
    if case .define = effect { return true }
    return false
  }

  /// Whether it has to run exactly once, before its result is fetched.
  var isUpdate: Bool {
    if case .stream(let statement) = effect { return statement.changesSomething }
    return !isRead
  }
}

/// An INSERT of one row of expressions over parameters, taken apart.
struct SingleRowInsert: Hashable, Sendable {
  /// Everything before `VALUES`.
  var head: String
  /// The text between the parentheses, cut at the parameters: one more piece than parameters.
  var pieces: [String]
  /// The 0-based index of the parameter between piece `i` and piece `i + 1`.
  var parameters: [Int]

  /// The same insert for all rows of a relation whose columns are the parameters.
  func statement(from relation: String, columns: [String]) -> String {
    var text = head + "SELECT "
    for (index, piece) in pieces.enumerated() {
      text += piece
      if index < parameters.count { text += columns[parameters[index]] }
    }
    return text + " FROM " + relation
  }
}

extension StreamStatement {
  /// Whether it is run for what it changes, and not for its rows.
  var changesSomething: Bool {
    switch self {
    case .showStreams, .describeStream, .showCreateStream, .emitChanges, .showQueries,
      .showSubscriptions, .subscribe, .showEngines, .showCache:
      false
    default: true
    }
  }
}

extension StreamStatement {
  /// The queries in it, which DuckDB runs.
  var queries: [String] {
    switch self {
    case .createStream(let create): create.query.map { [$0] } ?? []
    case .emitChanges(let emit): [emit.query]
    case .createSubscription(let create): [create.query]
    case .insertContinuously(let insert): [insert.query]
    case .subscribe(let subscribe): subscribe.query.map { [$0] } ?? []
    default: []
    }
  }
}
