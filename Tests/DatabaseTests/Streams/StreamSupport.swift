import Columnar
import DuckDB
import Engine
import Log
import Telemetry
import Testing

@testable import Database

/// A database with a log of its own that can be closed and opened again.
final class StreamDatabase {
  private let files = MemoryFolder()
  private let path: String?
  private var log: SegmentLog
  private(set) var database: StreamingDatabase

  /// - Parameter path: The file of DuckDB; nil keeps tables in memory.
  init(path: String? = nil) async throws {
    self.path = path
    log = try testLog(files)
    database = try Self.open(log, path)
    try await database.recover()
  }

  private static func open(_ log: SegmentLog, _ path: String?) throws -> StreamingDatabase {
    var options = DatabaseOptions()
    options.path = path
    return try StreamingDatabase(
      options: options, library: DuckDBLibrary.load(), allocator: HeapAllocator(), eventLog: log)
  }

  var session: Session { get throws { try database.openSession() } }

  /// The log itself, past the database.
  var eventLog: any LogStore { log }

  /// Closes the database and opens it again on the same files.
  func restart() async throws {
    await database.close()
    log.close()
    // DuckDB's file has one owner: the old one goes first.
    database = try Self.open(try testLog(), nil)
    log = try testLog(files)
    database = try Self.open(log, path)
    try await database.recover()
  }
}

extension Session {
  /// Puts batches as a client of Flight does.
  @discardableResult
  func put(
    _ batches: [Batch], to name: String, _ marks: StreamMarks = StreamMarks(),
    in transaction: Handle? = nil
  ) async throws -> StreamAcknowledgement {
    let writer = try #require(streamWriter([name]))
    return try await writer.append(batches, marks, transaction: transaction)
  }

  /// All batches of a statement.
  func batches(_ sql: String) async throws -> [Batch] {
    let query = try await query(sql, .inside(nil))
    defer { closeResult(query.handle) }
    var batches: [Batch] = []
    while let batch = try await query.pump.next() { batches.append(batch) }
    return batches
  }

  /// The error with which a statement fails.
  func failure(_ sql: String, in transaction: Handle? = nil) async -> DatabaseError? {
    do {
      _ = try await rows(sql, in: transaction)
      return nil
    } catch let error as DatabaseError {
      return error
    } catch let error as EngineError {
      return DatabaseError(error)
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }
}

func batch(_ columns: [(String, Column)]) -> Batch {
  Batch(
    schema: Schema(columns.map { Field($0.0, $0.1.type) }), columns: columns.map(\.1),
    rowCount: columns.first?.1.count ?? 0)
}
