internal import Columnar
internal import Log
internal import SQL
internal import Synchronization

/// `DECLARE … SUBSCRIPTION CURSOR`, `FETCH` and `CLOSE`.
extension Session {
  private static let maxCursorCount = 256
  private static let maxFetchedRowCount = 1_000_000

  func declare(_ declare: DeclareCursor) async throws(DatabaseError) {
    let name = declare.name.lowercased()
    let (exists, isFull) = state.withLock { state in
      (state.cursors[name] != nil, state.cursors.count >= Self.maxCursorCount)
    }
    if exists {
      throw DatabaseError(.alreadyExists, "this session has a cursor \(declare.name) already")
    }
    guard !isFull else {
      throw DatabaseError(
        .resourceExhausted, "this session has \(Self.maxCursorCount) cursors: close some")
    }
    let subscription =
      declare.source.parts.count == 1 ? database.subscriptions.find(declare.source.name) : nil
    let plan = try await plan(Subscribe(name: declare.source))
    let (tracked, layout) = try await trackingRows(plan)
    let text = "DECLARE \(declare.name) SUBSCRIPTION CURSOR FOR \(declare.source)"
    let live: LiveQuery
    if let start = declare.start {
      live = self.start(tracked, text, from: try await offset(start, plan.stream), isOfCursor: true)
    } else if let subscription {
      live = self.start(
        tracked, text, from: subscription.position, delivery: subscription, isOfCursor: true)
    } else {
      live = self.start(tracked, text, from: plan.stream.topic.state.head, isOfCursor: true)
    }
    let cursor = SubscriptionCursor(live, layout, fields: plan.schema.fields)
    let isKept = state.withLock { state in
      guard !state.isClosed, state.cursors[name] == nil else { return false }
      state.cursors[name] = cursor
      return true
    }
    guard isKept else {
      cursor.close()
      throw DatabaseError(.aborted, "the cursor was declared twice, or the session was closed")
    }
  }

  func cursor(_ name: String) throws(DatabaseError) -> SubscriptionCursor {
    guard let cursor = state.withLock({ $0.cursors[name.lowercased()] }) else {
      throw DatabaseError(
        .notFound,
        "this session has no cursor \(name): DECLARE \(name) SUBSCRIPTION CURSOR FOR … makes one")
    }
    return cursor
  }

  func fetch(_ fetch: FetchCursor) async throws(DatabaseError) -> Batch {
    touch()
    guard fetch.rowCount <= Self.maxFetchedRowCount else {
      throw DatabaseError(
        .invalidArgument, "FETCH takes at most \(Self.maxFetchedRowCount) rows at a time")
    }
    let timeout = Duration.microseconds(fetch.timeoutMicroseconds ?? 0)
    return try await cursor(fetch.name).fetch(fetch.rowCount, timeout: timeout)
  }

  /// Lets go of one cursor, or of all with nil.
  func closeCursor(_ name: String?) throws(DatabaseError) {
    let one = try name.map { (name) throws(DatabaseError) in try cursor(name) }
    let closed = state.withLock { state in
      defer {
        if let name { state.cursors[name.lowercased()] = nil } else { state.cursors = [:] }
      }
      return one.map { [$0] } ?? Array(state.cursors.values)
    }
    for cursor in closed { cursor.close() }
  }

  // MARK: Which row is where

  /// The same query with `_offset` and `_ingest_time` behind its columns, if it lets them through.
  private func trackingRows(
    _ plan: EmitPlan
  ) async throws(DatabaseError) -> (EmitPlan, SubscriptionCursor.Layout) {
    let count = plan.schema.fields.count
    if plan.isPlain {
      var tracked = plan
      tracked.usesHidden = true
      return (
        tracked,
        SubscriptionCursor.Layout(visible: Array(0..<count), hidden: (count, count + 1))
      )
    }
    let whole = SubscriptionCursor.Layout(visible: Array(0..<count))
    guard !plan.isOpen, let query = Self.showingPlaces(plan.query) else { return (plan, whole) }
    let tracked: EmitPlan
    do throws(DatabaseError) {
      tracked = try await self.plan(EmitChanges(query: query))
    } catch {
      // A subquery keeps them inside, for instance.
      return (plan, whole)
    }
    // A star has brought them too.
    let fields = tracked.schema.fields
    let hidden = Set(StreamTable.hiddenFields.map(\.name))
    let asked = Set(plan.schema.fields.map(\.name))
    let visible = fields.indices.dropLast(2).filter { index in
      !hidden.contains(fields[index].name) || asked.contains(fields[index].name)
    }
    guard visible.map({ fields[$0].name }) == plan.schema.fields.map(\.name) else {
      return (plan, whole)
    }
    return (
      tracked,
      SubscriptionCursor.Layout(
        visible: Array(visible), hidden: (fields.count - 2, fields.count - 1))
    )
  }

  /// `SELECT …, _offset, _ingest_time FROM …`; nil if it does not begin with SELECT.
  private static func showingPlaces(_ query: String) -> String? {
    guard let statement = try? StatementText.single(query),
      let place = statement.topLevelFrom
    else { return nil }
    let hidden = StreamTable.hiddenFields.map(\.name).joined(separator: ", ")
    let bytes = statement.text.utf8
    let head = String(bytes.prefix(place)) ?? ""
    let tail = String(bytes.dropFirst(place)) ?? ""
    return "\(head), \(hidden) \(tail)"
  }
}
