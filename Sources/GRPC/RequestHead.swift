internal import NIOCore
internal import NIOHPACK

/// What the headers of a request say, once they have been checked.
struct RequestHead {
  enum Refusal: Error {
    /// These headers are the whole answer.
    case http(HPACKHeaders)
    case grpc(GRPCError)
  }

  var path: String
  var timeout: TimeAmount?
  var compression = GRPCCompression.identity
  var acceptsGzip = false

  static func check(_ headers: HPACKHeaders) -> Result<RequestHead, Refusal> {
    var head = RequestHead(path: "")
    var isPost = false
    var isGRPC = false
    for (name, value, _) in headers {
      switch name {
      case ":path": head.path = value
      case ":method": isPost = value == "POST"
      case "content-type": isGRPC = Self.isGRPC(contentType: value)
      case "grpc-timeout":
        guard let timeout = GRPCTimeout.parse(value) else {
          return .failure(.grpc(GRPCError(.internal, "The grpc-timeout header is malformed.")))
        }
        head.timeout = timeout
      case "grpc-encoding":
        guard let compression = GRPCCompression(rawValue: value) else {
          return .failure(.http(Self.unknownEncoding(value)))
        }
        head.compression = compression
      case "grpc-accept-encoding":
        head.acceptsGzip = GRPCCompression.gzip.isListed(in: value)
      default: break
      }
    }
    guard isPost else { return .failure(.http([":status": "405", "allow": "POST"])) }
    guard isGRPC else { return .failure(.http([":status": "415"])) }
    return .success(head)
  }

  /// The only refusal that says what would have been understood.
  private static func unknownEncoding(_ name: String) -> HPACKHeaders {
    var headers = ResponseHead.plain
    headers.add(name: "grpc-status", value: String(GRPCStatusCode.unimplemented.rawValue))
    let message = "The message encoding \(name) is not known."
    headers.add(name: "grpc-message", value: PercentEncoding.encode(message))
    headers.add(name: "grpc-accept-encoding", value: GRPCCompression.accepted)
    return headers
  }

  /// `application/grpc`, alone or followed by `+proto` and the like, or by parameters.
  private static func isGRPC(contentType: String) -> Bool {
    let expected = "application/grpc"
    guard contentType.hasPrefix(expected) else { return false }
    guard let next = contentType.utf8.dropFirst(expected.utf8.count).first else { return true }
    return next == UInt8(ascii: "+") || next == UInt8(ascii: ";")
  }
}
