import CDuckDB
import Columnar

/// Binds one Arrow value to a parameter.
struct ParameterBinding {
  /// Names the value in errors.
  let name: String

  @unsafe
  func bind(
    _ statement: duckdb_prepared_statement?, _ index: UInt64, _ column: Column, _ row: Int
  ) throws(DuckDBError) -> duckdb_state {
    unsafe duckdb_bind_null(statement, index)
  }
}
