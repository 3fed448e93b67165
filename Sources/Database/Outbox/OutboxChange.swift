internal import ADBC
internal import Columnar
internal import Engine
internal import Log

/// A change of a database behind that is acknowledged before it is there.
struct OutboxChange: Sendable {
  enum Action: Hashable, Sendable {
    /// A statement as its sender wrote it; run once for each row of parameters, if it has some.
    case statement(String, hasParameters: Bool)
    case load(IngestTarget)
  }

  var action: Action
  /// The columns of the rows.
  var schema = Schema([])
  /// What is loaded, or the parameters; none of them empty.
  var rows: [Batch] = []
  /// By which its sender names it, so that it is stored once.
  var key: AppliedLoads.Key?
  /// What is different when it has been made.
  var reach: CacheVersions.Reach

  var rowCount: Int { rows.reduce(0) { $0 + $1.rowCount } }
}

/// A change as it lies in the outbox.
struct StoredChange: Sendable {
  var change: OutboxChange
  var offsets: Range<Offset>
  /// What it counts against the limit of the outbox.
  var byteCount: Int
  /// When it was acknowledged, in microseconds since 1970.
  var acknowledgedMicroseconds: Int64
}
