/// Cursors over streams and subscriptions, as RisingWave has them.
extension StreamingParser {
  /// `c SUBSCRIPTION CURSOR FOR s [SINCE … | FULL]`, behind DECLARE.
  mutating func declareCursor() throws(SQLError) -> DeclareCursor {
    let name = try identifier("the name of the cursor")
    guard accept("subscription"), accept("cursor"), accept("for") else {
      throw expected("SUBSCRIPTION CURSOR FOR and a stream or subscription")
    }
    var declare = DeclareCursor(name: name, source: try self.name())
    if accept("full") {
      declare.start = .beginning
    } else if accept("since") {
      declare.start = try since()
    }
    return declare
  }

  private mutating func since() throws(SQLError) -> EmitStart {
    if let token = cursor.acceptString() { return .token(token) }
    if accept("begin") || accept("beginning") {
      acceptEmptyBrackets()
      return .beginning
    }
    if accept("full") { return .beginning }
    if let number = acceptNumber() {
      guard let milliseconds = Int64(number) else { throw expected("milliseconds since 1970") }
      return .timestamp(
        "make_timestamptz(\(milliseconds.multipliedReportingOverflow(by: 1_000).partialValue))")
    }
    return try emitStart()
  }

  private mutating func acceptEmptyBrackets() {
    if cursor.accept(mark: "(") { _ = cursor.accept(mark: ")") }
  }

  /// `[NEXT | n] [FROM | IN] c [WITH (timeout = '1s')]`, behind FETCH.
  mutating func fetch() throws(SQLError) -> FetchCursor {
    var fetch = FetchCursor(name: "", rowCount: 1)
    let start = cursor.index
    if let number = acceptNumber() {
      guard let count = Int(number), count > 0 else {
        throw error("FETCH takes a number of rows from 1 on", at: start)
      }
      fetch.rowCount = count
    } else {
      _ = accept("next")
    }
    guard accept("from") || accept("in") else { throw expected("FROM and a cursor") }
    fetch.name = try identifier("the name of a cursor")
    guard accept("with") else { return fetch }
    for option in try options() {
      guard option.name == "timeout" else {
        throw SQLError(
          "FETCH has no option '\(option.name)'; it has timeout", at: option.position)
      }
      guard let timeout = DurationText.microseconds(option.value) else {
        throw SQLError("the option timeout takes a duration as '1s'", at: option.position)
      }
      fetch.timeoutMicroseconds = timeout
    }
    return fetch
  }

  /// The name of a cursor; nil for ALL.
  mutating func cursorName() throws(SQLError) -> String? {
    accept("all") ? nil : try identifier("the name of a cursor, or ALL")
  }

  /// The id of a query; nil for ALL.
  mutating func queryID() throws(SQLError) -> String? {
    accept("all") ? nil : try identifier("the id of a query, or ALL")
  }
}
