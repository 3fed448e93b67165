import ADBC
import Columnar
import TestSupport
import Testing

@Suite struct TransactionTests {
  @Test(arguments: Backend.allCases)
  func `a transaction is committed or rolled back as a whole`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let table = freshName("transacted")
    try connection.execute("CREATE TABLE \(table) (i INTEGER)")
    defer { _ = try? connection.execute("DROP TABLE \(table)") }
    #expect(connection.isAutocommit)
    try connection.setAutocommit(false)
    #expect(!connection.isAutocommit)
    try connection.execute("INSERT INTO \(table) VALUES (1)")
    try connection.rollback()
    try connection.execute("INSERT INTO \(table) VALUES (2)")
    try connection.commit()
    try connection.execute("INSERT INTO \(table) VALUES (3)")
    try connection.rollback()
    try connection.setAutocommit(true)
    #expect(try connection.rows("SELECT i FROM \(table)") == [["2"]])
  }

  @Test func `others see rows when they are committed`() throws {
    let (writer, reader) = (try Backend.postgresql.connect(), try Backend.postgresql.connect())
    let table = freshName("seen")
    try writer.execute("CREATE TABLE \(table) (i INTEGER)")
    defer { _ = try? writer.execute("DROP TABLE \(table)") }
    try writer.setAutocommit(false)
    try writer.ingest(batch(("i", .int32s([1, 2]))), into: IngestTarget(table: table))
    #expect(try reader.value("SELECT count(*)::text FROM \(table)") == "0")
    try writer.commit()
    #expect(try reader.value("SELECT count(*)::text FROM \(table)") == "2")
    try writer.setAutocommit(true)
  }

  @Test(arguments: Backend.allCases)
  func `a commit without a transaction is an error`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let error = try failure { () throws(ADBCError) in try connection.commit() }
    #expect(error.status == .invalidState)
  }

  @Test(arguments: Backend.allCases)
  func `a connection is as new after a reset`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let table = freshName("reset")
    try connection.execute("CREATE TABLE \(table) (i INTEGER)")
    defer { _ = try? connection.execute("DROP TABLE \(table)") }
    try connection.setAutocommit(false)
    try connection.execute("INSERT INTO \(table) VALUES (1)")
    let open = try connection.query("SELECT i FROM \(table)")
    try connection.reset()
    #expect(connection.isClean)
    #expect(try open.next().map(\.rowCount) == nil)
    #expect(try connection.value("SELECT count(*) FROM \(table)") == "0")
  }

  @Test func `a transaction that an error has aborted is rolled back by a reset`() throws {
    let connection = try Backend.postgresql.connect()
    try connection.setAutocommit(false)
    _ = try failure { () throws(ADBCError) in try connection.execute("SELECT 1 / 0") }
    let aborted = try failure { () throws(ADBCError) in _ = try connection.query("SELECT 1").next()
    }
    #expect(aborted.status == .invalidState, "\(aborted.status) \(aborted)")
    #expect(!aborted.isConnectionLost)
    try connection.reset()
    #expect(try connection.value("SELECT 1") == "1")
  }

  @Test func `threads take turns on a connection`() async throws {
    let connection = try Backend.sqlite.connect()
    try connection.execute("CREATE TABLE t (i INTEGER)")
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<8 {
        group.addTask {
          await withCheckedContinuation { continuation in
            runOnThread {
              for _ in 0..<50 {
                _ = try? connection.execute("INSERT INTO t VALUES (\(number))")
                _ = try? connection.batches("SELECT count(*) FROM t")
              }
              continuation.resume()
            }
          }
        }
      }
    }
    #expect(try connection.value("SELECT count(*) FROM t") == "400")
  }
}
