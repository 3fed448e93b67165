import ADBC

import Columnar
import Foundation
import TestSupport
import Testing

/// One server for all tests that do not stop it; gone with the process.
let sharedPostgres = Result { try PostgresServer() }

func postgres() throws -> PostgresServer { try sharedPostgres.get() }

/// A database of the kind that a test asks for.
enum Backend: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case sqlite, postgresql, duckdb

  var testDescription: String { rawValue }

  /// A database, empty except for PostgreSQL's, which is shared: tables there are temporary or have a name of their own.
  func database() throws -> ADBCDatabase {
    let manager = try DriverManager.load()
    switch self {
    case .sqlite: return try ADBCDatabase(manager, driver: .find("sqlite"), uri: ":memory:")
    case .postgresql:
      return try ADBCDatabase(manager, driver: .find("postgresql"), uri: postgres().uri())
    case .duckdb:
      return try ADBCDatabase(manager, driver: .find("duckdb"), options: ["path": ":memory:"])
    }
  }

  func connect() throws -> ADBCConnection { try database().connect() }
}

extension ADBCConnection {
  func batches(_ sql: String) throws -> [Batch] {
    let result = try query(sql)
    var batches: [Batch] = []
    while let batch = try result.next() { batches.append(batch) }
    return batches
  }

  /// All values of a result as text, NULL as nil.
  func rows(_ sql: String) throws -> [[String?]] {
    try batches(sql).flatMap(texts)
  }

  /// The only value of a result.
  func value(_ sql: String) throws -> String? {
    let rows = try rows(sql)
    try #require(rows.count == 1 && rows[0].count == 1)
    return rows[0][0]
  }
}

func texts(_ batch: Batch) -> [[String?]] {
  (0..<batch.rowCount).map { row in batch.columns.map { $0.string(at: row) } }
}

/// A name that no other test uses.
func freshName(_ prefix: String) -> String {
  "\(prefix)_\(UInt64.random(in: 0..<UInt64.max))"
}

/// The error that `body` throws.
func failure(_ body: () throws(ADBCError) -> Void) throws -> ADBCError {
  do throws(ADBCError) {
    try body()
  } catch {
    return error
  }
  return try #require(nil as ADBCError?, "nothing was thrown")
}

/// Runs `body`, which blocks, on a thread of its own.
func runOnThread(_ body: @escaping @Sendable () -> Void) {
  Thread.detachNewThread(body)
}
