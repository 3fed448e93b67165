internal import Columnar
internal import Log
internal import SQL

/// What SHOW QUERIES answers: endless queries with a reader, then those that feed streams.
struct QueryListing {
  private var id: String
  private var query: String
  private var status: String
  private var stream: Stream
  private var startMicroseconds: Int64
  private var rowCount: Int
  private var nextOffset: Int64
  private var kind: String
  private var sink: Stream?
  private var error: String?

  private init(_ live: LiveQuery) {
    let figures = live.figures
    id = live.id
    query = live.sql
    status = figures.isPaused ? "paused" : "running"
    stream = live.stream
    startMicroseconds = live.startMicroseconds
    rowCount = figures.rowCount
    nextOffset = figures.position.rawValue
    kind = live.isOfCursor ? "cursor" : live.delivery == nil ? "emit" : "subscription"
  }

  private init(_ continuous: ContinuousQuery) {
    let figures = continuous.figures
    id = continuous.id
    query = continuous.definition.query
    stream = continuous.source
    sink = continuous.sink
    startMicroseconds = continuous.definition.createdMicroseconds
    rowCount = figures.rowCount
    nextOffset = figures.position.rawValue
    kind = continuous.definition.kind.rawValue
    switch figures.status {
    case .running: status = "running"
    case .paused: status = "paused"
    case .ended: status = "ended"
    case .waiting(let reason):
      status = "waiting"
      error = reason.message
    case .failed(let reason):
      status = "FAILED"
      error = reason.message
    }
  }

  static func batch(_ database: StreamingDatabase) -> Batch {
    let all =
      database.liveQueries.all.map { QueryListing($0) }
      + database.continuous.all.map { QueryListing($0) }
    let time = DataType.timestamp(.microsecond, timeZone: "UTC")
    return StreamListing.batch([
      ("id", .strings(all.map(\.id))), ("query", .strings(all.map(\.query))),
      ("status", .strings(all.map(\.status))),
      ("stream", .strings(all.map { $0.stream.definition.qualifiedName.description })),
      ("started", .fixedWidth(time, all.map { $0.startMicroseconds })),
      ("rows", .int64s(all.map { Int64($0.rowCount) })),
      ("next_offset", .int64s(all.map(\.nextOffset))),
      (
        "lag",
        .int64s(all.map { max(0, $0.stream.topic.state.head.rawValue - $0.nextOffset) })
      ),
      ("kind", .strings(all.map(\.kind))),
      ("sink", .strings(all.map { $0.sink?.definition.qualifiedName.description })),
      ("error", .strings(all.map(\.error))),
    ])
  }
}
