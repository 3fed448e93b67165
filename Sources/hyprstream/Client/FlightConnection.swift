internal import Columnar
internal import FlightClient
private import FlightProtocol
private import GRPC
internal import Shell
private import Synchronization

/// The shell's connection to a Flight SQL server. Connects again when the server was away.
final class FlightConnection: ShellConnection {
  private let target: FlightAddress
  private let token: String?
  private let client: Mutex<FlightClient>

  var address: String { target.description }

  init(address: FlightAddress, token: String?) async throws(ShellFailure) {
    target = address
    self.token = token
    client = Mutex(try await Self.connect(address, token))
  }

  func run(_ sql: String) async throws(ShellFailure) -> ShellResult {
    let client = try await openClient()
    do {
      switch try await client.run(sql) {
      case .changed(let rowCount):
        return .changed(rowCount: rowCount < 0 ? nil : Int(clamping: rowCount))
      case .rows(let result):
        let reader = RowReader(result.batches)
        let rows = ShellRows(
          schema: result.schema, progress: { await Self.progress(of: result, client) },
          next: { try await reader.next() })
        return .rows(rows)
      }
    } catch {
      throw Self.failure(error)
    }
  }

  /// The ticket of a result is what our server polls with. Another server refuses it, and then there
  /// is no progress to show.
  private static func progress(
    of result: QueryResult, _ client: FlightClient
  ) async -> StatementProgress {
    guard let endpoint = result.info.endpoint.first else { return .over }
    var descriptor = Flight.FlightDescriptor()
    descriptor.type = .cmd
    descriptor.cmd = endpoint.ticket.ticket
    guard let poll = try? await client.pollInfo(descriptor) else { return .over }
    return poll.hasProgress ? .fraction(poll.progress) : .unknown
  }

  func close() async { await client.withLock { $0 }.close() }

  private func openClient() async throws(ShellFailure) -> FlightClient {
    let current = client.withLock { $0 }
    if current.isOpen { return current }
    let fresh = try await Self.connect(target, token)
    client.withLock { $0 = fresh }
    return fresh
  }

  private static func connect(
    _ address: FlightAddress, _ token: String?
  ) async throws(ShellFailure) -> FlightClient {
    do {
      let client = try await FlightClient.connect(to: address)
      if let token { client.setBearerToken(token) }
      return client
    } catch let error as GRPCError {
      guard error.code == .unavailable else { throw .connection(error.message) }
      throw .connection("no server answers at \(address): \(Self.reason(error.message))")
    } catch {
      throw .connection("no server answers at \(address): \(error)")
    }
  }

  /// The system's own words at the heart of what the network library says.
  private static func reason(_ message: String) -> String {
    let known = [
      "Connection refused", "Name or service not known", "Network is unreachable",
      "No route to host", "Connection timed out", "Temporary failure in name resolution",
    ]
    return known.first { message.contains($0) } ?? message
  }

  /// What the server says stands for itself; its code matters only when there is no sentence.
  static func failure(_ error: any Error) -> ShellFailure {
    guard let error = error as? GRPCError else {
      return error as? ShellFailure ?? .connection("\(error)")
    }
    switch error.code {
    case .cancelled: return .interrupted
    case .unavailable: return .connection(error.message)
    default:
      return .statement(
        error.message.isEmpty ? "\(error.code)" : error.message,
        byteOffset: error.metadata.first("hyprstream-error-position").flatMap { Int($0) })
    }
  }
}

/// Reads a stream of batches from one task after another, never from two at a time.
private final class RowReader: @unchecked Sendable {
  private var iterator: BatchStream.Iterator

  init(_ batches: BatchStream) { iterator = batches.makeAsyncIterator() }

  func next() async throws -> Batch? {
    do {
      return try await iterator.next()
    } catch {
      throw FlightConnection.failure(error)
    }
  }
}
