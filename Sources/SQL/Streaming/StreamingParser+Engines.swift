/// The statements about engines: databases behind.
extension StreamingParser {
  /// What stands behind CREATE.
  mutating func createEngine() throws(SQLError) -> StreamStatement? {
    let isOrReplace = accept("or") && accept("replace")
    guard accept("engine") else { return nil }
    let isIfNotExists = try acceptIfNotExists()
    var create = CreateEngine(name: try identifier("the name of the engine"))
    create.isOrReplace = isOrReplace
    create.isIfNotExists = isIfNotExists
    guard accept("with") else {
      throw expected("WITH (connection = '…'), which says how to reach the engine")
    }
    create.options = try options()
    return .createEngine(create)
  }

  /// `REFRESH ENGINE pg`, `USE ENGINE pg`, `USE ENGINE DEFAULT`.
  mutating func engineStatement() throws(SQLError) -> StreamStatement? {
    let start = cursor.index
    if accept("refresh"), accept("engine") {
      return .refreshEngine(name: try identifier("the name of an engine"))
    }
    cursor.index = start
    if accept("use"), accept("engine"), !cursor.isAtEnd {
      if accept("default") { return .useEngine(name: nil) }
      return .useEngine(name: try identifier("the name of an engine, or DEFAULT"))
    }
    cursor.index = start
    return nil
  }
}
