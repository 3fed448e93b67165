import GRPC
import Glibc
import NIOCore

/// One client: a connection and the requests that it makes, one after the other.
struct Client {
  static let service = "/arrow.flight.protocol.FlightService/"
  /// Stands in the message files where a key belongs; as eight little-endian bytes.
  static let keyMark: UInt64 = 0x4559_414D_4B52_4B31

  let connection: GRPCClient
  let options: Options
  let messages: [[UInt8]]
  private var random: SplitMix
  private var sequence: UInt64
  private var handle = ByteBuffer()
  private var upload: ClientCall?
  private var pushes: [ClientCall] = []

  init(connection: GRPCClient, options: Options, messages: [[UInt8]], seed: UInt64) {
    self.connection = connection
    self.options = options
    self.messages = messages
    random = SplitMix(state: seed)
    // Grows from run to run, and is unlike any other eight bytes of an answer.
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    sequence = UInt64(time.tv_sec) << 32 | seed << 24
  }

  mutating func prepare() async throws {
    if options.kind == .pushed { try await subscribe() }
    if options.kind == .stream || options.kind == .pushed { try await openUpload() }
    guard options.kind == .prepared else { return }
    let request = Message.command(
      "ActionCreatePreparedStatementRequest", Message.one(ByteBuffer(string: options.sql)))
    var action = ByteBuffer()
    action.writeField(1, ByteBuffer(string: "CreatePreparedStatement"))
    action.writeField(2, request)
    let answers = try await all("DoAction", [action])
    guard let body = try answers.first?.field(1), let result = try body.field(2),
      let handle = try result.field(1)
    else { throw LoadError.unexpected("CreatePreparedStatement gave no handle") }
    self.handle = handle
  }

  /// One request, from its first byte to its last answer.
  mutating func request() async throws {
    switch options.kind {
    case .literal: try await literal()
    case .prepared: try await prepared()
    case .action: try await action()
    case .visible: try await visible()
    case .put: _ = try await all("DoPut", messages.map { ByteBuffer(bytes: $0) })
    case .stream: try await acknowledged()
    case .pushed: try await pushed()
    }
  }

  // MARK: Streams

  /// Begins a put that stays open: everything but the last message of the file.
  private mutating func openUpload() async throws {
    let call = connection.call(Self.service + "DoPut")
    for message in messages.dropLast() {
      try await call.send(GatherMessage(head: ByteBuffer(bytes: message)))
    }
    upload = call
  }

  private func acknowledged() async throws {
    guard let upload, let message = messages.last else {
      throw LoadError.usage("--messages is missing")
    }
    try await upload.send(GatherMessage(head: ByteBuffer(bytes: message)))
    guard try await upload.receive() != nil else {
      throw LoadError.unexpected("a put that ends before its acknowledgement")
    }
  }

  private mutating func subscribe() async throws {
    for _ in 0..<options.subscribers {
      let info = try await connection.unary(
        Self.service + "GetFlightInfo",
        GatherMessage(head: Message.descriptor(statement(options.sql))))
      let call = connection.call(Self.service + "DoGet")
      try await call.send(GatherMessage(head: try Message.ticket(ofInfo: info)), isLast: true)
      guard try await call.receive() != nil else {
        throw LoadError.unexpected("an endless query without a schema")
      }
      pushes.append(call)
    }
  }

  private mutating func pushed() async throws {
    guard let upload, let message = messages.last else {
      throw LoadError.usage("--messages is missing")
    }
    sequence += 1
    let wanted = Self.bytes(of: sequence)
    try await upload.send(
      GatherMessage(head: ByteBuffer(bytes: Self.marked(message, key: sequence))))
    for push in pushes {
      while true {
        guard let rows = try await push.receive() else {
          throw LoadError.unexpected("an endless query that ends")
        }
        if rows.readableBytesView.firstRange(of: wanted) != nil { break }
      }
    }
    _ = try await upload.receive()
  }

  private mutating func literal() async throws {
    let key = random.next() % options.keys
    try await query(statement(options.sql.replacing("{key}", with: String(key))))
  }

  private func statement(_ sql: String) -> ByteBuffer {
    Message.command("CommandStatementQuery", Message.one(ByteBuffer(string: sql)))
  }

  private mutating func prepared() async throws {
    let key = random.next() % options.keys
    let command = Message.command("CommandPreparedStatementQuery", Message.one(handle))
    _ = try await put(command, key: key)
    try await query(command)
  }

  private func action() async throws {
    var action = ByteBuffer()
    action.writeField(1, ByteBuffer(string: options.action))
    _ = try await all("DoAction", [action])
  }

  private mutating func visible() async throws {
    sequence += 1
    let command = try ingestCommand()
    _ = try await put(command, key: sequence)
    let wanted = Self.bytes(of: sequence)
    let query = statement(options.sql)
    for _ in 0..<1_000 {
      let batches = try await rows(query)
      if batches.contains(where: { $0.readableBytesView.firstRange(of: wanted) != nil }) { return }
    }
    throw LoadError.unexpected("a row that does not show within 1,000 queries")
  }

  private func ingestCommand() throws -> ByteBuffer {
    guard let first = messages.first else { throw LoadError.usage("--messages is missing") }
    return ByteBuffer(bytes: first)
  }

  /// Sends the messages of the file, the first after a descriptor, with `key` where the mark stands.
  private func put(_ command: ByteBuffer, key: UInt64) async throws -> [ByteBuffer] {
    let parts = options.kind == .visible ? messages.dropFirst() : messages[...]
    var sent: [ByteBuffer] = []
    for part in parts {
      var message = ByteBuffer()
      if sent.isEmpty { message.writeField(1, Message.descriptor(command)) }
      message.writeBytes(Self.marked(part, key: key))
      sent.append(message)
    }
    return try await all("DoPut", sent)
  }

  private static func marked(_ message: [UInt8], key: UInt64) -> [UInt8] {
    guard let range = message.firstRange(of: bytes(of: keyMark)) else { return message }
    var changed = message
    changed.replaceSubrange(range, with: bytes(of: key))
    return changed
  }

  /// The eight bytes of a number, the least significant first.
  private static func bytes(of number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
  }

  private func query(_ command: ByteBuffer) async throws {
    let messages = try await rows(command)
    if messages.count < 2 { throw LoadError.unexpected("a result without rows") }
  }

  /// GetFlightInfo and DoGet.
  private func rows(_ command: ByteBuffer) async throws -> [ByteBuffer] {
    let info = try await connection.unary(
      Self.service + "GetFlightInfo", GatherMessage(head: Message.descriptor(command)))
    return try await all("DoGet", [Message.ticket(ofInfo: info)])
  }

  /// A call with any number of messages both ways.
  private func all(_ method: String, _ messages: [ByteBuffer]) async throws -> [ByteBuffer] {
    let call = connection.call(Self.service + method)
    for (index, message) in messages.enumerated() {
      try await call.send(GatherMessage(head: message), isLast: index == messages.count - 1)
    }
    var answers: [ByteBuffer] = []
    while let answer = try await call.receive() { answers.append(answer) }
    return answers
  }
}

/// Keys in an order that is the same in every run.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
