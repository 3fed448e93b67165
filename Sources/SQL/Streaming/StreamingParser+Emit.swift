/// EMIT CHANGES, behind queries and in the statements that make continuous ones.
extension StreamingParser {
  /// `SELECT … EMIT CHANGES [FROM …]`: found from the end, outside brackets.
  mutating func emit() throws(SQLError) -> StreamStatement? {
    cursor.index = statement.tokenRange.lowerBound
    guard let place = emitPlace() else { return nil }
    let start = statement.tokenRange.lowerBound
    cursor.index = place + 1
    guard accept("changes") else {
      throw error(
        "EMIT CHANGES is the form for streams; the others come with materialized views", at: place)
    }
    guard place > start else { throw error("there is no query before EMIT CHANGES", at: place) }
    let query = cursor.source.text(ofTokens: start..<place)
    let begin = accept("from") ? try emitStart() : nil
    if let insert = try Self.insert(query, start: begin) { return .insertContinuously(insert) }
    return .emitChanges(EmitChanges(query: query, start: begin ?? .now))
  }

  /// An INSERT whose rows are to come without end; nil for what is no INSERT.
  private static func insert(
    _ text: String, start: EmitStart?
  ) throws(SQLError) -> ContinuousInsert? {
    let statement = try StatementText.single(text)
    let head = statement.head
    guard case .insert(let insert) = head.kind else { return nil }
    guard insert.source == .query, insert.returningTokens == nil, insert.conflict == nil,
      insert.onConflictTokens == nil
    else {
      throw SQLError("INSERT with EMIT CHANGES takes a SELECT, without RETURNING and ON CONFLICT")
    }
    let leading =
      head.hasLeadingWith
      ? statement.source.text(
        ofTokens: statement.tokenRange.lowerBound..<head.verbToken) + " " : ""
    return ContinuousInsert(
      target: insert.target, columns: insert.columns, isByName: insert.isByName,
      query: leading + statement.source.text(ofTokens: insert.sourceTokens), start: start)
  }

  /// The query of `CREATE STREAM … AS`, to the end: `query [EMIT CHANGES [FROM …]] [WITH (…)]`.
  ///
  /// HStreamDB writes the options behind the query, others before AS.
  mutating func query(of create: inout CreateStream) throws(SQLError) {
    let start = cursor.index
    let options = trailingOptions()
    let place = emitPlace()
    create.query = cursor.source.text(ofTokens: start..<(place ?? options ?? cursor.end))
    cursor.index = place.map { $0 + 1 } ?? options ?? cursor.end
    if let place {
      guard accept("changes") else {
        throw error(
          "EMIT CHANGES is the form for streams; the others come with materialized views", at: place
        )
      }
      create.emitsChanges = true
      if accept("from") { create.start = try emitStart() }
    }
    if accept("with") { create.options += try self.options() }
  }

  /// The place of the WITH of options that end the statement.
  private func trailingOptions() -> Int? {
    guard cursor.end > cursor.index, cursor.source.tokens[cursor.end - 1].isMark(")") else {
      return nil
    }
    var depth = 0
    for index in (cursor.index..<cursor.end).reversed() {
      depth += cursor.source.tokens[index].nesting
      guard depth == 0 else { continue }
      let before = index - 1
      guard before > cursor.index, cursor.source.isName(cursor.source.tokens[before], "with"),
        cursor.source.tokens[before].kind == .word
      else { return nil }
      return before
    }
    return nil
  }

  /// The last word EMIT outside brackets that is followed by a word which can follow it.
  private func emitPlace() -> Int? {
    var (depth, found) = (0, Int?.none)
    for index in statement.tokenRange {
      let token = cursor.source.tokens[index]
      depth += token.nesting
      guard depth == 0, token.kind == .word, cursor.source.isName(token, "emit"),
        index > statement.tokenRange.lowerBound
      else { continue }
      let previous = cursor.source.tokens[index - 1]
      guard !previous.isMark("."), !previous.isKeyword(.as), index + 1 < cursor.end else {
        continue
      }
      let next = cursor.source.tokens[index + 1]
      let words: [StaticString] = [
        "changes", "on", "every", "final", "periodic", "after",
      ]
      if words.contains(where: { cursor.source.isName(next, $0) }), !next.isMark(",") {
        found = index
      }
    }
    return found
  }

  mutating func emitStart() throws(SQLError) -> EmitStart {
    if accept("beginning") { return .beginning }
    if accept("now") {
      if cursor.accept(mark: "(") { _ = cursor.accept(mark: ")") }
      return .now
    }
    if accept("offset") {
      guard let number = acceptNumber().flatMap({ Int64($0) }) else {
        throw expected("the number of a row")
      }
      return .offset(number)
    }
    if accept("token") {
      guard let token = cursor.acceptString() else { throw expected("a resume token in quotes") }
      return .token(token)
    }
    let start = cursor.index
    guard accept("timestamp") || accept("timestamptz") else {
      throw expected("BEGINNING, NOW, OFFSET n, TIMESTAMP '…' or TOKEN '…'")
    }
    if cursor.acceptString() == nil { throw expected("a time in quotes") }
    return .timestamp(cursor.source.text(ofTokens: start..<cursor.index))
  }
}
