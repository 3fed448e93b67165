/// What a server does with calls. One object answers for every path.
public protocol GRPCService: Sendable {
  /// Handles one call. Returning ends it with OK, throwing ends it with an error.
  ///
  /// Runs on the event loop of the call's connection (see ``LoopExecutor``) in a task of its own. The
  /// task is cancelled when the caller cancels, its deadline passes or its connection closes.
  func handle(_ call: ServerCall) async throws
}
