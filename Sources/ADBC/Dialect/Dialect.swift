public import Columnar

/// How a database wants its SQL: quotes, types, parameters.
///
/// Only what the engine itself writes; statements of users are passed on as they are.
public enum Dialect: String, Hashable, Sendable, CaseIterable {
  case postgresql
  case sqlite
  case duckdb
  /// Another Hyprstream, behind the driver for Flight SQL; it understands DuckDB's SQL.
  case hyprstream
  case snowflake
  case bigquery
  /// What the SQL standard says.
  case generic

  /// By what a driver says about its database.
  public init(_ info: ADBCInfo) {
    let vendor = (info.vendorName ?? "").lowercased()
    let driver = (info.driverName ?? "").lowercased()
    func vendorHas(_ word: String) -> Bool { vendor.contains(word) }
    self =
      if vendorHas("hyprstream") {
        .hyprstream
      } else if vendorHas("postgres") || vendorHas("redshift") {
        .postgresql
      } else if vendorHas("sqlite") {
        .sqlite
      } else if vendorHas("duckdb") {
        .duckdb
      } else if vendorHas("snowflake") {
        .snowflake
      } else if vendorHas("bigquery") {
        .bigquery
      } else if (info.vendorVersion ?? "").lowercased().contains("duckdb")
        || driver.contains("duckdb")
      {
        .duckdb
      } else {
        .generic
      }
  }

  // MARK: - Names and values

  /// A name as an identifier, always in quotes, so that its case and its characters stay.
  public func quote(_ name: String) -> String {
    switch self {
    case .bigquery:
      "`" + name.flatMap { $0 == "`" || $0 == "\\" ? ["\\", $0] : [$0] } + "`"
    default:
      "\"" + name.flatMap { $0 == "\"" ? ["\"", "\""] : [$0] } + "\""
    }
  }

  /// A table's name with what is known of its place.
  public func quote(_ table: TableName) -> String {
    [table.catalog, table.schema, table.name].compactMap { $0.map(quote) }.joined(separator: ".")
  }

  /// A text as a literal.
  public func literal(_ text: String) -> String {
    switch self {
    case .bigquery, .snowflake:
      "'" + text.flatMap { $0 == "'" || $0 == "\\" ? ["\\", $0] : [$0] } + "'"
    default:
      "'" + text.flatMap { $0 == "'" ? ["'", "'"] : [$0] } + "'"
    }
  }

  /// A parameter, counted from 1.
  public func placeholder(_ number: Int) -> String {
    switch self {
    case .postgresql, .duckdb, .hyprstream: "$\(number)"
    case .sqlite, .snowflake, .bigquery, .generic: "?"
    }
  }

  // MARK: - Statements

  /// What is put behind a query so that it returns at most `count` rows, after the first `offset`; empty for all.
  public func limit(_ count: Int?, offset: Int = 0) -> String {
    if self == .generic {
      let skipped = offset > 0 ? ["OFFSET \(offset) ROWS"] : []
      return (skipped + (count.map { ["FETCH FIRST \($0) ROWS ONLY"] } ?? [])).joined(
        separator: " ")
    }
    guard offset > 0 else { return count.map { "LIMIT \($0)" } ?? "" }
    let all: String? =
      switch self {
      case .sqlite: "-1"
      case .bigquery: "\(Int64.max)"
      case .snowflake: "NULL"
      default: nil
      }
    let limit = count.map { String($0) } ?? all
    return (limit.map { "LIMIT \($0) " } ?? "") + "OFFSET \(offset)"
  }

  /// Inserts a row of parameters.
  public func insert(into table: TableName, columns: [String]) -> String {
    let names = columns.map(quote).joined(separator: ", ")
    return "INSERT INTO \(quote(table)) (\(names)) VALUES (\(placeholders(columns.count)))"
  }

  /// Inserts a row of parameters, or changes the row with the same key.
  ///
  /// - Parameter key: Some of the columns. Where the statement is INSERT … ON CONFLICT, the table needs a unique index of exactly those.
  public func upsert(into table: TableName, columns: [String], key: [String]) -> String {
    let values = columns.filter { !key.contains($0) }.map(quote)
    let keys = key.map(quote)
    switch self {
    case .postgresql, .sqlite, .duckdb, .hyprstream:
      let action =
        values.isEmpty
        ? "DO NOTHING"
        : "DO UPDATE SET " + values.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
      return insert(into: table, columns: columns)
        + " ON CONFLICT (\(keys.joined(separator: ", "))) \(action)"
    case .snowflake, .bigquery, .generic:
      let names = columns.map(quote)
      let source = names.enumerated().map { "\(placeholder($0.offset + 1)) AS \($0.element)" }
      let same = keys.map { "t.\($0) = s.\($0)" }.joined(separator: " AND ")
      let changes = values.map { "\($0) = s.\($0)" }.joined(separator: ", ")
      return
        "MERGE INTO \(quote(table)) AS t USING (SELECT \(source.joined(separator: ", "))) AS s ON \(same)"
        + (values.isEmpty ? "" : " WHEN MATCHED THEN UPDATE SET \(changes)")
        + " WHEN NOT MATCHED THEN INSERT (\(names.joined(separator: ", ")))"
        + " VALUES (\(names.map { "s.\($0)" }.joined(separator: ", ")))"
    }
  }

  /// Makes a table with the columns of a schema.
  ///
  /// - Throws: `invalidArgument` for a type that the database has nothing for, and for a name that is there twice.
  public func createTable(
    _ table: TableName, _ schema: Schema, primaryKey: [String] = [], ifNotExists: Bool = false,
    isTemporary: Bool = false
  ) throws(ADBCError) -> String {
    var seen: Set<String> = []
    var parts: [String] = []
    for field in schema.fields {
      guard seen.insert(field.name).inserted else {
        throw ADBCError(
          .invalidArgument, "table \(table.name) would have two columns \"\(field.name)\"")
      }
      let isRequired = !field.isNullable || primaryKey.contains(field.name)
      parts.append(
        "\(quote(field.name)) \(try typeName(of: field))" + (isRequired ? " NOT NULL" : ""))
    }
    if let missing = primaryKey.first(where: { !seen.contains($0) }) {
      throw ADBCError(
        .invalidArgument, "table \(table.name) has no column \"\(missing)\" for its key")
    }
    if !primaryKey.isEmpty {
      let names = primaryKey.map(quote).joined(separator: ", ")
      parts.append("PRIMARY KEY (\(names))" + (self == .bigquery ? " NOT ENFORCED" : ""))
    }
    return "CREATE " + (isTemporary ? "TEMPORARY " : "") + "TABLE "
      + (ifNotExists ? "IF NOT EXISTS " : "") + "\(quote(table)) (\(parts.joined(separator: ", ")))"
  }

  private func placeholders(_ count: Int) -> String {
    count < 1 ? "" : (1...count).map(placeholder).joined(separator: ", ")
  }
}

/// A table and where it is.
public struct TableName: Hashable, Sendable {
  public var catalog: String?
  public var schema: String?
  public var name: String

  public init(_ name: String, schema: String? = nil, catalog: String? = nil) {
    self.name = name
    self.schema = schema
    self.catalog = catalog
  }
}

extension TableName: CustomStringConvertible {
  public var description: String {
    [catalog, schema, name].compactMap { $0 }.joined(separator: ".")
  }
}
