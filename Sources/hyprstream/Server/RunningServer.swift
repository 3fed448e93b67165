internal import Console
internal import DataFolder
internal import Logging
internal import Settings
internal import Telemetry

/// What the program needs of the server it runs.
protocol RunningServer: Sendable {
  /// Binds and begins to take calls.
  func start() async throws -> (host: String, port: Int)

  /// Refuses new calls, gives running ones `timeouts.drain`, then ends them. Returns when all is closed.
  func shutDown() async

  /// Takes over the reloadable options of a running server.
  func reload(_ options: ServerOptions) async

  /// Where rows come in over HTTP.
  var streamDoor: StreamDoor { get }

  /// What the status page shows beside the program's own lines.
  var statusLines: [ServerStatus.Line] { get }

  /// What goes up and down, for the status page.
  var statusFigures: [ServerStatus.Figure] { get }
}

/// Everything a server is made from.
struct ServerParts: Sendable {
  let options: ServerOptions
  /// The locked folder; nil for an ephemeral server. The server keeps it alive.
  let folder: DataFolder?
  let metrics: ServerMetrics
  let logger: Logger
}
