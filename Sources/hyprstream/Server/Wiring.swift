internal import Console
internal import Settings

/// Makes the server from its parts: the one place where implementations are named.
func makeServer(_ parts: ServerParts) throws -> any RunningServer {
  StandInServer(options: parts.options)
}

/// Holds the place of the Flight SQL server: everything around it can be run without it.
private struct StandInServer: RunningServer {
  let options: ServerOptions
  var statusLines: [ServerStatus.Line] { [] }

  func start() async throws -> (host: String, port: Int) {
    (options.network.host, options.network.port)
  }
  func shutDown() async {}
  func reload(_ options: ServerOptions) async {}
}
