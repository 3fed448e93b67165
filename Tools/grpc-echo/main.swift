import GRPC
import Glibc

// Serves the methods that the conformance tests call; see EchoService.
var configuration = GRPCServerConfiguration(host: "127.0.0.1", port: 0)
configuration.maxRequestMessageBytes = 80 * 1024 * 1024
var gracePeriod = Duration.seconds(5)

var arguments = CommandLine.arguments.dropFirst()
while let option = arguments.popFirst() {
  guard let value = arguments.popFirst().flatMap({ Int($0) }) else {
    fatalError("usage: grpc-echo [--port n] [--loops n] [--max-message-bytes n] [--idle-ms n]")
  }
  switch option {
  case "--load-unary":  // a load generator instead of a server, against that port
    for connections in [1, 8] {
      try await measureUnary(host: "127.0.0.1", port: value, connections: connections, seconds: 3)
    }
    exit(0)
  case "--load-stream":
    for bytes in [100, 10_000, 65_536, 1_000_000] {
      try await measureStream(
        host: "127.0.0.1", port: value, count: min(200_000, 2_000_000_000 / bytes), bytes: bytes)
    }
    exit(0)
  case "--port": configuration.port = value
  case "--loops": configuration.eventLoopCount = value
  case "--max-message-bytes": configuration.maxRequestMessageBytes = value
  case "--idle-ms": configuration.maxConnectionIdle = .milliseconds(value)
  case "--keepalive-ms": configuration.keepaliveInterval = .milliseconds(value)
  case "--grace-ms": gracePeriod = .milliseconds(value)
  default: fatalError("unknown option \(option)")
  }
}

let service = EchoService()
let server = GRPCServer(configuration: configuration, service: service)
let address = try await server.start()
print("listening on \(address.host):\(address.port)")
flushOutput()

await terminationSignal()
await server.shutDown(gracePeriod: gracePeriod)
print("stopped")
