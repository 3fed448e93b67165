import ADBC
import Columnar
import Engine
import Log
import Testing

@testable import Database

struct OutboxStepTests {
  private static let columns = Schema([Field("a", .int64)])

  private func rows(_ values: Int64...) -> Batch {
    Batch(schema: Self.columns, columns: [.int64s(values)], rowCount: values.count)
  }

  private func load(
    _ table: String, _ values: Int64..., key: Int64? = nil,
    mode: IngestTarget.Mode = .append
  ) -> OutboxChange {
    OutboxChange(
      action: .load(IngestTarget(table: table, mode: mode)), schema: Self.columns,
      rows: [Batch(schema: Self.columns, columns: [.int64s(values)], rowCount: values.count)],
      key: key.map { AppliedLoads.Key(producer: "p", sequence: $0) }, reach: .names([table]))
  }

  private func statement(_ sql: String, _ parameters: Int64...) -> OutboxChange {
    OutboxChange(
      action: .statement(sql, hasParameters: !parameters.isEmpty),
      schema: parameters.isEmpty ? Schema([]) : Self.columns,
      rows: parameters.map { rows($0) }, reach: .everything)
  }

  /// `t: 1 2, #5 3` for a load of which a part has a key, the statement with its parameters else.
  private func text(_ steps: [OutboxStep]) -> [String] {
    steps.map { step in
      func values(_ batches: [Batch]) -> String {
        batches.flatMap { batch in
          (0..<batch.rowCount).map { batch.columns[0].string(at: $0) ?? "NULL" }
        }.joined(separator: " ")
      }
      switch step {
      case .statement(let sql, let parameters): return "\(sql) [\(values(parameters))]"
      case .load(let target, _, let parts):
        return "\(target.table): "
          + parts.map { part in
            (part.key.map { "#\($0.sequence) " } ?? "") + values(part.rows)
          }.joined(separator: ", ")
      }
    }
  }

  @Test func `loads of one table that follow each other are one load`() {
    let steps = OutboxStep.steps(of: [
      load("t", 1, 2), load("t", 3, key: 7), load("u", 4), load("t", 5),
      load("t", 6, mode: .createOrAppend),
    ])
    #expect(text(steps) == ["t: 1 2, #7 3", "u: 4", "t: 5", "t: 6"])
  }

  @Test func `a load whose name is known is left out, and one that comes twice comes once`() {
    let steps = OutboxStep.steps(of: [
      load("t", 1), load("t", 2, key: 7), load("t", 3, key: 8), statement("U"),
      load("t", 4, key: 8),
      load("u", 5, key: 9), load("u", 6),
    ])
    let known: Set = [AppliedLoads.Key(producer: "p", sequence: 7)]
    #expect(text(OutboxStep.fresh(steps, beside: known)) == ["t: 1, #8 3", "U []", "u: #9 5, 6"])
  }

  @Test func `equal statements share a call, with all parameters in order`() {
    let steps = OutboxStep.steps(of: [
      statement("I", 1), statement("I", 2), statement("J", 3), statement("I", 4),
      statement("I"), statement("I"), load("t", 1), statement("I", 5),
    ])
    #expect(text(steps) == ["I [1 2]", "J [3]", "I [4]", "I []", "I []", "t: 1", "I [5]"])
  }

  @Test func `changes come out of the log as they went in`() async throws {
    let log = try testLog()
    let topic = try log.createTopic(named: "outbox", settings: Outbox.settings)
    var writer = OutboxWriter()
    var wide = OutboxChange(
      action: .load(
        IngestTarget(table: "t", schema: "s", catalog: "c", mode: .createOrAppend)),
      schema: Self.columns, reach: .nothing)
    wide.rows = [
      Batch(
        schema: Self.columns, columns: [.int64s((0..<100_000).map { Int64($0) })], rowCount: 100_000
      )
    ]
    let empty = OutboxChange(
      action: .load(IngestTarget(table: "e", mode: .createOrAppend)), schema: Self.columns,
      reach: .everything)
    let given = [
      statement("DELETE FROM t"), load("t", 1, 2, key: 9), wide, empty, statement("U", 5, 6),
    ]
    var byteCounts: [Int] = []
    for change in given {
      let (records, byteCount) = try writer.records(of: change)
      byteCounts.append(byteCount)
      _ = try await log.append(AppendGroup([TopicWrite(topic, records)]))
    }
    let state = try #require(log.topic(topic)).state
    var (reader, found) = (OutboxReader(), [StoredChange]())
    for unit in try #require(log.topic(topic)).units(in: state.start..<state.head, ScanFilter()) {
      for case .batch(let stored) in try #require(log.topic(topic)).read(unit) {
        if let change = try reader.take(stored) { found.append(change) }
      }
    }
    #expect(found.map(\.change.action) == given.map(\.action))
    #expect(found.map(\.change.schema) == given.map(\.schema))
    #expect(found.map(\.change.rowCount) == given.map(\.rowCount))
    #expect(found.map(\.change.key) == given.map(\.key))
    #expect(found.map(\.change.reach) == given.map(\.reach))
    #expect(found.map(\.byteCount) == byteCounts)
    #expect(
      found.first?.offsets.lowerBound == .zero && found.last?.offsets.upperBound == state.head)
    for (one, next) in zip(found, found.dropFirst()) {
      #expect(one.offsets.upperBound == next.offsets.lowerBound)
    }
  }

  @Test func `a record that is no change is an error and no trap`() throws {
    let batch = rows(1)
    var encoder = IPCEncoder(schema: batch.schema)
    let message = try #require(try encoder.encode(batch).last)
    let stored = StoredBatch(
      firstOffset: .zero, rowCount: 1, ingestMicroseconds: 0, eventMicroseconds: nil,
      context: LogContext(schemaID: 1, schema: encoder.schemaMessage), message: message)
    #expect(throws: DatabaseError.self) {
      var reader = OutboxReader()
      _ = try reader.take(stored)
    }
  }

  @Test(arguments: [
    ("23505", "refused"), ("42P01", "refused"), ("22003", "refused"), ("P0001", "refused"),
    ("40P01", "passing"), ("53100", "passing"), ("57P01", "passing"), ("08006", "passing"),
    ("25006", "passing"), ("XX000", "unclear"),
  ])
  func `what a database refuses for good is told from what passes`(state: String, kind: String) {
    let failure = OutboxFailure(
      EngineError.backend(ADBCError(.unknown, "no", sqlState: state)))
    let found =
      switch failure {
      case .refused: "refused"
      case .passing: "passing"
      case .unclear: "unclear"
      default: "else"
      }
    #expect(found == kind)
  }

  @Test func `a locked file passes, and a broken constraint does not`() {
    var locked = ADBCError(.unknown, "database is locked")
    locked.isRemote = false
    var broken = ADBCError(.unknown, "UNIQUE constraint failed: t.id")
    broken.isRemote = false
    guard case .passing = OutboxFailure(EngineError.backend(locked)),
      case .refused = OutboxFailure(EngineError.backend(broken)),
      case .moved = OutboxFailure(EngineError.backend(OutboxFailure.movedError))
    else {
      Issue.record("a failure is taken for another")
      return
    }
  }

  @Test func `options of WITH are read, or refused with a sentence`() throws {
    var options = BackendOptions()
    let known = [
      try options.set("write", "Behind"), try options.set("outbox_max_bytes", "64MiB"),
      try options.set("pool_max", "3"),
    ]
    #expect(known == [true, true, false])
    #expect(options.writeMode == .behind && options.outboxMaxByteCount == 64 << 20)
    for (name, value) in [
      ("write", "sideways"), ("outbox_max_bytes", "1"), ("outbox_max_bytes", "99999999999999TB"),
    ] {
      #expect(throws: DatabaseError.self) {
        var options = BackendOptions()
        _ = try options.set(name, value)
      }
    }
  }
}
