import CADBC

/// Calls of the driver manager, with its errors as Swift's.
struct Call: Sendable {
  let redaction: Redaction
  let kind: DriverKind

  /// Calls a function that reports through an error struct.
  func check(
    _ function: (UnsafeMutablePointer<AdbcError>) -> AdbcStatusCode
  ) throws(ADBCError) {
    var error = unsafe AdbcError()
    unsafe error.vendor_code = Int32.min
    let code = unsafe function(&error)
    guard code != 0 else {
      // Some drivers leave a message also when all went well.
      unsafe Self.release(&error)
      return
    }
    let made = unsafe read(&error, status: ADBCStatus(code: code))
    unsafe Self.release(&error)
    throw made
  }

  /// Calls a function whose failure changes nothing, such as the release of a handle.
  func attempt(_ function: (UnsafeMutablePointer<AdbcError>) -> AdbcStatusCode) {
    try? unsafe check(function)
  }

  private static func release(_ error: inout AdbcError) {
    if let release = unsafe error.release { unsafe release(&error) }
  }

  /// The content of an error, which stays the driver's.
  func read(_ error: UnsafePointer<AdbcError>, status: ADBCStatus) -> ADBCError {
    let text = unsafe error.pointee.message.map { unsafe String(cString: $0) } ?? ""
    let state = unsafe withUnsafeBytes(of: error.pointee.sqlstate) { unsafe Array($0) }
    let code = unsafe error.pointee.vendor_code
    var details: [ADBCError.Detail] = []
    if code == Int32.min, unsafe error.pointee.private_driver != nil {
      for index in 0..<max(unsafe AdbcErrorGetDetailCount(error), 0) {
        let detail = unsafe AdbcErrorGetDetail(error, index)
        guard let key = unsafe detail.key else { continue }
        let value = unsafe UnsafeRawBufferPointer(
          start: detail.value, count: detail.value == nil ? 0 : detail.value_length)
        details.append(
          ADBCError.Detail(
            key: redaction.apply(to: unsafe String(cString: key)),
            value: redaction.apply(to: unsafe Array(value))))
      }
    }
    let isState = state.allSatisfy { (0x30...0x5A).contains($0) } && state != Array("00000".utf8)
    var made = self.error(status, text)
    made.sqlState = isState ? String(decoding: state, as: UTF8.self) : nil
    made.vendorCode = code == Int32.min || code == 0 ? nil : Int(code)
    made.details = details
    return made
  }

  /// An error with a message of the driver's.
  func error(_ status: ADBCStatus, _ message: String) -> ADBCError {
    var made = ADBCError(
      kind.status(status, message), redaction.apply(to: message.isEmpty ? status.words : message))
    made.isRemote = !kind.isEmbedded
    return made
  }
}
