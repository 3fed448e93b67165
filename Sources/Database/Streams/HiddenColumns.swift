internal import Columnar
internal import DuckDB
internal import Engine
internal import SQL

/// Streams in plain SQL: their hidden columns, and the parts of them that a statement wants.
extension StatementPlanner {
  /// The statement with reads of the log in the place of streams; nil if they may stay.
  ///
  /// A stream is read itself, instead of its relation, when the statement names `_offset` or
  /// `_ingest_time`, and when its WHERE clause says in which range these or the event time are: the
  /// rest of the stream is not read.
  func showingHiddenColumns(
    _ statement: StatementText, _ session: MetricsRelation.Session
  ) throws(SQLError) -> StatementText? {
    guard !streams.isEmpty else { return nil }
    let showsHidden = namesHiddenColumns(statement)
    guard showsHidden || statement.hasWhere else { return nil }
    var edit = StatementEdit(statement)
    var isEdited = false
    for reference in statement.relationReferences {
      guard let stream = stream(reference.name, session) else { continue }
      let definition = stream.definition
      if statement.head.makesView {
        // A view is kept, so it stands on what is kept.
        guard showsHidden else { continue }
        let name = StreamRelations.hiddenName(definition, catalog: metrics.catalog)
        edit.replace(tokens: reference.tokens, with: name.description)
        isEdited = true
        continue
      }
      let bounds =
        session.hasTemporaryRelations || !isCertain(reference.name, stream, session)
        ? nil : statement.bounds(of: reference)
      let arguments = bounds.map { ScanArguments($0.comparisons, definition).text } ?? ""
      guard showsHidden || !arguments.isEmpty, let id = stream.liveTable else { continue }
      let text = StreamRelations.read(stream, id, arguments, showsHidden: showsHidden)
      let alias = bounds?.hasAlias ?? statement.hasAlias(reference)
      edit.replace(
        tokens: reference.tokens,
        with: alias ? text : text + " AS " + quotedName(reference.name.name))
      if !alias { statement.unqualify(reference, in: &edit) }
      isEdited = true
    }
    return isEdited ? try StatementText.single(edit.text) : nil
  }

  /// Whether a name can mean nothing but the stream: one that is found in another schema of the search
  /// path may be that of something else in the first.
  private func isCertain(
    _ name: QualifiedName, _ stream: Stream, _ session: MetricsRelation.Session
  ) -> Bool {
    name.parts.count > 1
      || stream.definition.schemaName.lowercased() == session.schema.lowercased()
  }

  func namesHiddenColumns(_ statement: StatementText) -> Bool {
    statement.mentions([StreamTable.offsetColumn, StreamTable.ingestTimeColumn])
  }

  /// The streams whose relation with hidden columns a view that is to be made stands on.
  func streamsBehindView(
    _ statement: StatementText, _ session: MetricsRelation.Session
  ) -> [Stream] {
    guard !streams.isEmpty, statement.head.makesView,
      namesHiddenColumns(statement)
    else { return [] }
    return statement.relationReferences.compactMap { stream($0.name, session) }
  }
}

/// Comparisons of a WHERE clause as arguments of a read of the log.
private struct ScanArguments {
  private(set) var text = ""

  init(_ comparisons: [ColumnComparison], _ definition: StreamDefinition) {
    var bounds: [String: [String]] = [:]
    for comparison in comparisons {
      guard let found = Self.bound(comparison, definition) else { continue }
      if comparison.bound != .upper { bounds[found.name + "_from", default: []].append(found.low) }
      if comparison.bound != .lower { bounds[found.name + "_to", default: []].append(found.high) }
    }
    for name in LiveBounds.names {
      guard let values = bounds[name] else { continue }
      let function = name.hasSuffix("_from") ? "greatest" : "least"
      let value = values.count == 1 ? values[0] : "\(function)(\(values.joined(separator: ", ")))"
      text += ", \(name) := \(value)"
    }
  }

  /// Which bound a comparison is, and its values as BIGINT.
  private static func bound(
    _ comparison: ColumnComparison, _ definition: StreamDefinition
  ) -> (name: String, low: String, high: String)? {
    let column = comparison.column.lowercased()
    func times(_ name: String, _ type: String, slack: Int = 0) -> (String, String, String) {
      let time = "epoch_us(CAST(\(comparison.constant) AS \(type)))"
      return (name, "TRY(\(time) - \(slack))", "TRY(\(time) + \(slack))")
    }
    if column == StreamTable.offsetColumn {
      guard comparison.isInteger else { return nil }
      let step = comparison.isInclusive ? "" : comparison.bound == .lower ? " + 1" : " - 1"
      let value = "TRY((\(comparison.constant))::BIGINT\(step))"
      return ("offset", value, value)
    }
    if comparison.isInteger { return nil }
    if column == StreamTable.ingestTimeColumn { return times("ingest", "TIMESTAMPTZ") }
    guard let time = definition.eventTimeColumn, time.field.name.lowercased() == column,
      !definition.options.hasMixedEventTimes
    else { return nil }
    // A text becomes a time of the column's unit: seconds are rounded.
    var slack = 1_000_000
    if case .timestamp(.microsecond, _) = time.field.type { slack = 0 }
    if time.field.type.hasTimeZone { return times("event", "TIMESTAMPTZ", slack: slack) }
    return comparison.hasTimeZone ? nil : times("event", "TIMESTAMP", slack: slack)
  }
}

extension StreamDefinition {
  /// The column whose times the log knows: that of the watermark, or of running aggregates.
  var eventTimeColumn: Column? {
    if let watermark { return column(named: watermark.column) }
    return runningTimeColumn
  }
}

extension StatementHead {
  /// Whether it makes something that keeps its text.
  fileprivate var makesView: Bool {
    if case .create(let create) = kind { return create.object != .table }
    return false
  }
}

extension StatementText {
  fileprivate var hasWhere: Bool { tokens.contains { $0.isKeyword(.where) } }

  fileprivate func hasAlias(_ reference: RelationReference) -> Bool {
    aliasFollows(reference)
  }

  /// Columns that were named with the schema of a stream go by its name alone.
  func unqualify(_ reference: RelationReference, in edit: inout StatementEdit) {
    let parts = reference.name.parts.map { $0.lowercased() }
    guard parts.count > 1 else { return }
    let length = parts.count * 2 - 1
    var place = tokenRange.lowerBound
    while place + length + 1 < tokenRange.upperBound {
      let names = (0..<parts.count).map { index -> String? in
        let token = source.tokens[place + index * 2]
        return source.name(of: token)?.lowercased()
      }
      let dots = (0..<parts.count).allSatisfy { source.tokens[place + $0 * 2 + 1].isMark(".") }
      if dots, names.elementsEqual(parts), !reference.tokens.contains(place),
        place == tokenRange.lowerBound || !source.tokens[place - 1].isMark(".")
      {
        edit.replace(
          tokens: place..<(place + length), with: quotedName(reference.name.name))
        place += length
      }
      place += 1
    }
  }
}

extension StreamStatement {
  /// The statement with the hidden columns in reach of the query that makes a stream.
  func showingHiddenColumns(
    _ planner: StatementPlanner, _ session: MetricsRelation.Session
  ) throws(SQLError) -> StreamStatement {
    guard case .createStream(var create) = self, let query = create.queryAtRest ?? create.query,
      let shown = try planner.showingHiddenColumns(try StatementText.single(query), session)
    else { return self }
    create.queryAtRest = shown.text
    return .createStream(create)
  }
}
