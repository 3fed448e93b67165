/// Makes the server from its parts: the one place where implementations are named.
func makeServer(_ parts: ServerParts) throws -> any RunningServer {
  try FlightSQLServer(parts)
}
