internal import Engine

/// Lets one change of the catalog happen at a time.
final class CatalogTurn: Sendable {
  private let turn = Turn()

  func with<Value>(
    _ body: () async throws(DatabaseError) -> Value
  ) async throws(DatabaseError) -> Value {
    await turn.acquire()
    defer { turn.release() }
    return try await body()
  }
}
