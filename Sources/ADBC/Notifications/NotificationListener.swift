internal import Synchronization
internal import Threads

/// Hears what `NOTIFY` says on one channel of a PostgreSQL database, on a connection and a thread of its own.
public final class NotificationListener: Sendable {
  public enum Event: Hashable, Sendable {
    /// The text of a notification; empty if it has none.
    case notified(String)
    /// It listens from now on: what was said before, nobody heard.
    case listening
  }

  private let hasEnded = Atomic(false)

  /// Begins to connect. A connection that is lost is made again.
  ///
  /// - Parameters:
  ///   - settings: How to reach the database.
  ///   - onEvent: Called on the listener's thread.
  /// - Throws: When the database is no PostgreSQL, or its client library is not on the machine.
  public init(
    _ settings: ConnectionSettings, channel: String,
    onEvent: @escaping @Sendable (Event) -> Void
  ) throws(ADBCError) {
    guard let uri = settings.uri, settings.readsLikePostgreSQL else {
      throw ADBCError(
        .invalidArgument, "only PostgreSQL sends notifications: take notify_channel away")
    }
    guard let library = Libpq() else {
      throw ADBCError(
        .notFound,
        "notify_channel needs PostgreSQL's client library libpq.so.5: install it (Debian: libpq5), or take notify_channel away"
      )
    }
    let isStarted = startThread { [weak self] in
      var pause: Duration = .milliseconds(200)
      while self?.hasEnded.load(ordering: .relaxed) == false {
        if let connection = Libpq.Connection(library, uri: uri, channel: channel) {
          pause = .milliseconds(200)
          onEvent(.listening)
          while self?.hasEnded.load(ordering: .relaxed) == false,
            let payloads = connection.receive(atMost: 500)
          {
            for payload in payloads { onEvent(.notified(payload)) }
          }
        } else {
          Self.sleep(pause)
          pause = min(pause * 2, .seconds(5))
        }
      }
    }
    guard isStarted else { throw ADBCError(.internal, "the system gives no thread to listen on") }
  }

  deinit { stop() }

  /// Ends soon.
  public func stop() { hasEnded.store(true, ordering: .relaxed) }

  private static func sleep(_ duration: Duration) {
    let monitor = Monitor()
    _ = monitor.wait(atMost: duration) { false }
  }
}

extension ConnectionSettings {
  /// Whether its connection string is one of libpq's.
  fileprivate var readsLikePostgreSQL: Bool {
    guard let uri else { return false }
    return uri.hasPrefix("postgresql://") || uri.hasPrefix("postgres://")
      || (!uri.contains("://") && uri.contains("="))
  }
}
