internal import Columnar
internal import DuckDB
internal import Engine
internal import SQL
internal import Synchronization

/// Rows of JSON for a stream. DuckDB reads the JSON; the stream's own rules decide what fits.
extension StreamWriter {
  /// Stores objects of JSON, one a line, as one group.
  ///
  /// - Throws: INVALID_ARGUMENT with the number of the first line that is no object.
  public func append(
    jsonLines lines: [String], _ marks: StreamMarks = StreamMarks()
  ) async throws(DatabaseError) -> StreamAcknowledgement {
    guard !lines.isEmpty else { return try await append([], marks) }
    let batch = try await session.jsonRows(lines, for: stream)
    return try await append([batch], marks)
  }

  /// Stores a document of JSON, an array of objects or one object, as one group.
  public func append(
    json document: String, _ marks: StreamMarks = StreamMarks()
  ) async throws(DatabaseError) -> StreamAcknowledgement {
    try await append(jsonLines: try await session.jsonElements(document), marks)
  }
}

extension Session {
  fileprivate func jsonElements(_ document: String) async throws(DatabaseError) -> [String] {
    let isArray = document.first { !$0.isWhitespace } == "["
    guard isArray else { return [document] }
    let batch = Self.lines([document])
    try await check(batch, what: "the body")
    let rows = try await cast(batch) { relation in
      "SELECT CAST(unnest(json_extract(line, '$[*]')) AS VARCHAR) AS line FROM \(relation)"
    }
    return (0..<rows.rowCount).map { rows.columns[0].string(at: $0) ?? "null" }
  }

  /// The rows as a batch whose columns are the keys. Where the stream says what type a column has, it
  /// is text, which the stream converts; else it gets the type of what is in it.
  fileprivate func jsonRows(
    _ lines: [String], for stream: Stream
  ) async throws(DatabaseError) -> Batch {
    let batch = Self.lines(lines)
    try await check(batch, what: "line")
    let keys = try await cast(batch) { relation in
      """
      SELECT k, string_agg(DISTINCT json_type(json_extract(line, '$."' || k || '"')), ',') AS types
      FROM (SELECT line, i, unnest(json_keys(line)) AS k
        FROM (SELECT line, row_number() OVER () AS i FROM \(relation)))
      GROUP BY k ORDER BY min(i), k
      """
    }
    let isOpen = stream.definition.options.isSchemaless
    var columns: [String] = []
    for row in 0..<keys.rowCount {
      let key = keys.columns[0].string(at: row) ?? ""
      let types = Set(
        (keys.columns[1].string(at: row) ?? "").split(separator: ",").map(String.init))
      let path = stringLiteral("$.\"\(key)\"")
      let text = "json_extract_string(line, \(path))"
      let value = isOpen ? Self.openValue(types, text, path) : text
      columns.append("\(value) AS \(quotedName(key))")
    }
    guard !columns.isEmpty else {
      return Batch(schema: Schema([]), columns: [], rowCount: 0)
    }
    let list = columns.joined(separator: ", ")
    return try await cast(batch) { relation in "SELECT \(list) FROM \(relation)" }
  }

  /// What a value becomes in a column that appears by itself.
  private static func openValue(_ types: Set<String>, _ text: String, _ path: String) -> String {
    let types = types.subtracting(["NULL"])
    if types.isEmpty { return text }
    if types.isSubset(of: ["UBIGINT", "BIGINT"]) { return "CAST(\(text) AS BIGINT)" }
    if types.isSubset(of: ["UBIGINT", "BIGINT", "DOUBLE"]) { return "CAST(\(text) AS DOUBLE)" }
    if types == ["BOOLEAN"] { return "CAST(\(text) AS BOOLEAN)" }
    if types == ["VARCHAR"] { return text }
    return "CAST(json_extract(line, \(path)) AS VARCHAR)"
  }

  private static func lines(_ lines: [String]) -> Batch {
    Batch(
      schema: Schema([Field("line", .utf8)]), columns: [.strings(lines)], rowCount: lines.count)
  }

  private func check(_ batch: Batch, what: String) async throws(DatabaseError) {
    let isBody = what == "the body"
    let wanted = isBody ? "['ARRAY', 'OBJECT']" : "['OBJECT']"
    let bad = try await cast(batch) { relation in
      """
      SELECT CAST(i AS BIGINT) AS i, json_valid(line) AS valid
      FROM (SELECT line, row_number() OVER () AS i FROM \(relation))
      WHERE NOT json_valid(line) OR NOT list_contains(\(wanted),
        CASE WHEN json_valid(line) THEN json_type(line) END)
      ORDER BY i LIMIT 1
      """
    }
    guard bad.rowCount > 0 else { return }
    let place = isBody ? "the body" : "line \(bad.columns[0].string(at: 0) ?? "?")"
    let isValid = bad.columns[1].string(at: 0) == "true"
    throw DatabaseError(
      .invalidArgument,
      isValid
        ? "\(place) is no JSON object: a row is an object whose keys are columns"
        : "\(place) is not valid JSON")
  }
}
