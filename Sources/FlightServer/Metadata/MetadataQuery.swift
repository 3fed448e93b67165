public import Columnar

/// SQL that answers a metadata command, and the schema that the answer must have.
///
/// DuckDB says that every column may be null and knows no field metadata; `labelled` puts the
/// schema of the command over its batches.
public struct MetadataQuery: Hashable, Sendable {
  /// The schema that Flight SQL prescribes, with nullability.
  public var schema: Schema
  /// One SELECT. Names from the client are in it as literals, so it has no parameters.
  public var sql: String

  public init(schema: Schema, sql: String) {
    self.schema = schema
    self.sql = sql
  }

  /// A batch of the query's result under the prescribed schema.
  ///
  /// - Throws: `.unexpectedResult` when the columns are not of the prescribed types.
  public func labelled(_ batch: Batch) throws(MetadataError) -> Batch {
    let expected = schema.fields.map(\.type)
    let actual = batch.columns.map(\.type)
    guard expected == actual else {
      throw .unexpectedResult(expected: "\(expected)", actual: "\(actual)")
    }
    return Batch(schema: schema, columns: batch.columns, rowCount: batch.rowCount)
  }
}

/// Why a metadata command could not be answered.
public enum MetadataError: Error, Hashable, Sendable {
  /// The engine answered with other columns than the query names: a fault of ours.
  case unexpectedResult(expected: String, actual: String)
}

extension MetadataError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unexpectedResult(let expected, let actual):
      "a metadata query returned columns of types \(actual), expected \(expected)"
    }
  }
}
