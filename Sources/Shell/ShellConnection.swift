public import Columnar

/// The far side of the shell: something that runs SQL and answers in batches.
public protocol ShellConnection: Sendable {
  /// Where it is, for people; without credentials.
  var address: String { get }

  /// Runs one statement. Cancelling the task cancels the statement on the server.
  func run(_ sql: String) async throws(ShellFailure) -> ShellResult

  func close() async
}

/// What a statement answered.
public enum ShellResult: Sendable {
  case rows(ShellRows)
  /// How many rows were changed; nil if the server does not say.
  case changed(rowCount: Int?)
}

/// The rows of one result, read once by one task at a time.
public struct ShellRows: Sendable {
  public let schema: Schema
  /// The next batch, or nil at the end. Cancelling the task cancels the statement.
  public let next: @Sendable () async throws -> Batch?
  /// Waits for news of how far the statement is, about a second at most.
  public let progress: @Sendable () async -> StatementProgress

  public init(
    schema: Schema, progress: @escaping @Sendable () async -> StatementProgress = { .over },
    next: @escaping @Sendable () async throws -> Batch?
  ) {
    self.schema = schema
    self.progress = progress
    self.next = next
  }
}

/// How far a statement is, as the server sees it.
public enum StatementProgress: Hashable, Sendable {
  /// From 0 to 1.
  case fraction(Double)
  /// It runs, but the server cannot tell how far it is.
  case unknown
  /// There will be no more news.
  case over
}

/// Why something that the shell did came to nothing.
public enum ShellFailure: Error, Hashable, Sendable {
  /// The server's answer: a sentence, and the byte in the statement that it is about, if known.
  case statement(String, byteOffset: Int?)
  /// The connection is not there, or no longer.
  case connection(String)
  /// The user pressed Ctrl-C.
  case interrupted
  /// Nobody reads the output any more.
  case outputClosed
  /// A command of the shell was not understood.
  case command(String)
}

extension ShellFailure: CustomStringConvertible {
  public var description: String {
    switch self {
    case .statement(let message, _), .connection(let message), .command(let message): message
    case .interrupted: "interrupted"
    case .outputClosed: "the output is closed"
    }
  }
}
