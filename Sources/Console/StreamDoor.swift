internal import Columnar
public import Database
internal import Hummingbird

/// Rows into streams over HTTP: `POST /v1/streams/<stream>`, and what streams there are.
///
/// Bodies are NDJSON (`application/x-ndjson`), JSON (an array of objects, or one) or an Arrow stream
/// (`application/vnd.apache.arrow.stream`). One request is one group: all rows are stored or none.
/// `X-Producer` and `X-Sequence` name it, so that a retry is stored once.
public struct StreamDoor: Sendable {
  /// The most bytes of one body, which is held until its rows are stored.
  private static let maxBodyByteCount = 64 << 20

  private let openSession: @Sendable () throws(DatabaseError) -> Session

  /// - Parameter openSession: Called once for each request.
  public init(openSession: @escaping @Sendable () throws(DatabaseError) -> Session) {
    self.openSession = openSession
  }

  func add(to router: Router<BasicRequestContext>) {
    router.get("v1/streams") { _, _ in
      try await answering { session in
        let names = session.streamNames.map { "\"\(escaped($0))\"" }.joined(separator: ",")
        return "{\"streams\":[\(names)]}\n"
      }
    }
    router.get("v1/streams/:stream") { _, context in
      let name = try context.parameters.require("stream")
      return try await answering { session in
        try writer(name, session).description + "\n"
      }
    }
    router.post("v1/streams/:stream") { request, context in
      let name = try context.parameters.require("stream")
      return try await answering { session in
        let writer = try writer(name, session)
        return try await put(request, to: writer).json + "\n"
      }
    }
  }

  private func writer(_ name: String, _ session: Session) throws(DatabaseError) -> StreamWriter {
    let path = name.split(separator: ".").map(String.init)
    guard let writer = session.streamWriter(path) else {
      throw DatabaseError(
        .notFound, "there is no stream \(name); GET /v1/streams lists those there are")
    }
    return writer
  }

  private func put(
    _ request: Request, to writer: StreamWriter
  ) async throws -> StreamAcknowledgement {
    let marks = try marks(request)
    let body: ByteBuffer
    do {
      body = try await request.body.collect(upTo: Self.maxBodyByteCount)
    } catch {
      throw DatabaseError(
        .resourceExhausted, "the body is larger than \(Self.maxBodyByteCount) bytes; send several")
    }
    let type = (request.headers[.contentType] ?? "").prefix { $0 != ";" }.lowercased()
    switch type {
    case "application/x-ndjson", "application/jsonl", "application/ndjson":
      let lines = String(buffer: body).split(whereSeparator: \.isNewline).map(String.init)
        .filter { !$0.allSatisfy(\.isWhitespace) }
      return try await writer.append(jsonLines: lines, marks)
    case "application/json":
      return try await writer.append(json: String(buffer: body), marks)
    case "application/vnd.apache.arrow.stream":
      return try await writer.append(try batches(body), marks)
    default:
      throw DatabaseError(
        .invalidArgument,
        "the content type '\(type)' is not one of application/x-ndjson, application/json and "
          + "application/vnd.apache.arrow.stream")
    }
  }

  private func batches(_ body: ByteBuffer) throws -> [Batch] {
    do {
      var reader = try IPCStreamReader(Buffer(copying: Array(buffer: body)))
      var batches: [Batch] = []
      while let batch = try reader.next() { batches.append(batch) }
      return batches
    } catch {
      throw DatabaseError(.invalidArgument, "the Arrow stream cannot be read: \(error)")
    }
  }

  private func marks(_ request: Request) throws(DatabaseError) -> StreamMarks {
    var marks = StreamMarks()
    for field in request.headers {
      switch field.name.canonicalName {
      case "x-producer": marks.producer = field.value
      case "x-sequence":
        guard let sequence = Int64(field.value) else {
          throw DatabaseError(.invalidArgument, "X-Sequence is an integer, not '\(field.value)'")
        }
        marks.sequence = sequence
      default: break
      }
    }
    return marks
  }

  // MARK: Answers

  private func answering(
    _ body: @Sendable (Session) async throws -> String
  ) async throws -> Response {
    do {
      let session = try openSession()
      do {
        let text = try await body(session)
        await session.close()
        return PageAnswer.make(.ok, type: "application/json", text)
      } catch {
        await session.close()
        throw error
      }
    } catch let error as DatabaseError {
      return PageAnswer.make(
        Self.status(error.code), type: "application/json",
        "{\"error\":\"\(escaped(error.message))\",\"code\":\"\(error.code)\"}\n")
    }
  }

  private static func status(_ code: DatabaseError.Code) -> HTTPResponse.Status {
    switch code {
    case .invalidArgument: .badRequest
    case .notFound: .notFound
    case .alreadyExists, .aborted, .failedPrecondition: .conflict
    case .permissionDenied: .forbidden
    case .unauthenticated: .unauthorized
    case .resourceExhausted: .contentTooLarge
    case .unavailable: .serviceUnavailable
    case .deadlineExceeded: .gatewayTimeout
    case .unimplemented: .notImplemented
    case .cancelled, .internal: .internalServerError
    }
  }

  private func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
