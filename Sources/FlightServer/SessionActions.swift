internal import Database
internal import FlightProtocol
internal import GRPC
internal import SwiftProtobuf

extension FlightService {
  /// Set, get and close: the actions about the session itself.
  func sessionAction(_ action: Flight.Action, _ call: ServerCall, _ session: Session) async throws {
    switch action.type {
    case Flight.ActionName.setSessionOptions:
      try await setOptions(try .init(decoding: action.body), call, session)
    case Flight.ActionName.getSessionOptions:
      var result = Flight.GetSessionOptionsResult()
      result.sessionOptions = session.options().mapValues { Flight.SessionOptionValue($0) }
      try await sendBody(of: result, call)
    case Flight.ActionName.closeSession:
      await sessions.close(session)
      var result = Flight.CloseSessionResult()
      result.status = .closed
      try await sendBody(of: result, call)
    default:
      throw GRPCError(
        .unimplemented, "the action \(action.type) is not one of this server's; see ListActions")
    }
  }

  private func sendBody(of message: some SwiftProtobuf.Message, _ call: ServerCall) async throws {
    var result = Flight.Result()
    result.body = try message.serializedData()
    try await send(result, call)
  }

  private func setOptions(
    _ request: Flight.SetSessionOptionsRequest, _ call: ServerCall, _ session: Session
  ) async throws {
    let context = StatementContext(connectionID: call.connection.id)
    var result = Flight.SetSessionOptionsResult()
    // The catalog first: a schema is looked up in it.
    let names = request.sessionOptions.keys.sorted()
    for name in names {
      let value = request.sessionOptions[name].flatMap { SessionOption($0) }
      guard let failure = await session.setOption(name, to: value, context) else { continue }
      var error = Flight.SetSessionOptionsResult.Error()
      switch failure {
      case .unknownName: error.value = .invalidName
      case .invalidValue: error.value = .invalidValue
      case .failed: error.value = .error
      }
      result.errors[name] = error
    }
    if let cookie = try sessions.issueCookie(for: call, session) {
      call.sendHeaders(GRPCMetadata([("set-cookie", cookie)]))
    }
    try await sendBody(of: result, call)
  }
}

extension SessionOption {
  /// - Returns: `nil` for a value that is absent, which sets the option back.
  init?(_ value: Flight.SessionOptionValue) {
    switch value.optionValue {
    case .stringValue(let text): self = .string(text)
    case .boolValue(let flag): self = .bool(flag)
    case .int64Value(let number): self = .integer(number)
    case .doubleValue(let number): self = .double(number)
    case .stringListValue(let list): self = .strings(list.values)
    case nil: return nil
    }
  }
}

extension Flight.SessionOptionValue {
  init(_ option: SessionOption) {
    switch option {
    case .string(let text): self.init(.stringValue(text))
    case .bool(let flag): self.init(.boolValue(flag))
    case .integer(let number): self.init(.int64Value(number))
    case .double(let number): self.init(.doubleValue(number))
    case .strings(let values): self.init(values)
    }
  }
}
