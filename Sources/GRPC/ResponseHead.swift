internal import NIOHPACK
internal import NIOHTTP2

/// What the headers and trailers of a response say.
enum ResponseHead {
  /// The headers of every response that gRPC answers.
  static let plain: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]

  /// The error that a first block of headers stands for, if it is not the beginning of a response.
  static func httpError(_ headers: HPACKHeaders) -> GRPCError? {
    guard let status = headers.first(name: ":status") else {
      return GRPCError(.internal, "The response has no HTTP status.")
    }
    guard status == "200" else {
      let code: GRPCStatusCode =
        switch status {
        case "400": .internal
        case "401": .unauthenticated
        case "403": .permissionDenied
        case "404": .unimplemented
        case "429", "502", "503", "504": .unavailable
        default: .unknown
        }
      return GRPCError(code, "The server answered with HTTP status \(status).")
    }
    guard headers.first(name: "content-type")?.hasPrefix("application/grpc") == true else {
      return GRPCError(.unknown, "The server did not answer with gRPC.")
    }
    return nil
  }

  /// The status in trailers, or in a first block that is also the last; OK if that is what it says.
  static func status(_ headers: HPACKHeaders, isFirst: Bool) -> GRPCError {
    guard let text = headers.first(name: "grpc-status") else {
      return (isFirst ? httpError(headers) : nil)
        ?? GRPCError(.unknown, "The response ended without a status.")
    }
    return GRPCError(
      Int(text).flatMap(GRPCStatusCode.init(rawValue:)) ?? .unknown,
      PercentEncoding.decode(headers.first(name: "grpc-message") ?? ""),
      metadata: GRPCMetadata(received: headers))
  }

  /// The status of a call whose stream was reset or lost.
  static func status(of error: any Error) -> GRPCError {
    guard let closed = error as? NIOHTTP2Errors.StreamClosed else { return .connectionClosed }
    let code: GRPCStatusCode =
      switch closed.errorCode {
      case .cancel: .cancelled
      case .refusedStream: .unavailable
      case .enhanceYourCalm: .resourceExhausted
      case .inadequateSecurity: .permissionDenied
      default: .internal
      }
    return GRPCError(code, "The server reset the stream: \(closed.errorCode).")
  }
}
