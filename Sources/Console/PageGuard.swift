internal import Hummingbird

/// Answers what is no page of ours, and turns away requests that did not mean us.
///
/// A page in a browser may send requests to `localhost` under a name that it owns (DNS rebinding). So
/// a server that listens on this machine only answers under the names of this machine only.
struct PageGuard: RouterMiddleware {
  typealias Context = BasicRequestContext

  /// Names that a request may call us by; `nil` admits all.
  private let names: Set<String>?

  /// - Parameter host: Address or name that the server listens on.
  init(host: String) {
    let own: Set<String> = ["localhost", "127.0.0.1", "::1"]
    let isLocal = own.contains(host) || host.hasPrefix("127.")
    names = isLocal ? own.union([host]) : nil
  }

  @concurrent
  func handle(
    _ request: Request, context: BasicRequestContext,
    next: @concurrent (Request, BasicRequestContext) async throws -> Response
  ) async throws -> Response {
    if let names, let authority = request.head.authority,
      !names.contains(Self.name(of: authority))
    {
      return PageAnswer.text(
        .misdirectedRequest, "This server answers on this machine only, as localhost.\n")
    }
    // A page of another origin may not send rows in the name of who looks at it.
    if let names, let origin = request.headers[.origin],
      !names.contains(Self.name(of: String(origin.split(separator: "/").last ?? "")))
    {
      return PageAnswer.text(.forbidden, "Requests of other origins are refused.\n")
    }
    let isDoor = request.method == .post && request.uri.path.hasPrefix("/v1/streams/")
    guard request.method == .get || request.method == .head || isDoor else {
      var response = PageAnswer.text(.methodNotAllowed, "These pages can only be read.\n")
      response.headers[.allow] = "GET, HEAD"
      return response
    }
    do {
      return try await next(request, context)
    } catch let error as HTTPError where error.status == .notFound {
      return PageAnswer.text(.notFound, "There are /, /health, /metrics and /v1/streams.\n")
    }
  }

  /// The host of `host:port`, in lower case and without the brackets of IPv6.
  private static func name(of authority: String) -> String {
    let host =
      authority.hasPrefix("[")
      ? authority.dropFirst().prefix { $0 != "]" } : authority.prefix { $0 != ":" }
    return host.lowercased()
  }
}

/// Whole answers.
enum PageAnswer {
  static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
    make(status, type: "text/plain; charset=utf-8", text)
  }

  static func make(_ status: HTTPResponse.Status, type: String, _ text: String) -> Response {
    var headers: HTTPFields = [
      .contentType: type, .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
    ]
    headers[.contentSecurityPolicy] = "default-src 'none'; style-src 'unsafe-inline'"
    return Response(
      status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}
