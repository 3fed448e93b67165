internal import Columnar

/// The payload of a cold frame, as `docs/formats/log.md` lays it out. The first offset is in the header.
enum ColdFrame {
  private struct Flags: OptionSet {
    let rawValue: UInt64
    static let untimed = Flags(rawValue: 1)
    static let checksum = Flags(rawValue: 2)
  }

  static func payload(_ file: ColdFile) -> FramePayload {
    var payload = FramePayload()
    payload.append(bytes(of: file))
    return payload
  }

  static func bytes(of file: ColdFile) -> [UInt8] {
    var writer = ByteWriter()
    writer.put(file.offsets.upperBound.rawValue)
    writer.put(file.ingestMicroseconds.lowerBound)
    writer.put(file.ingestMicroseconds.upperBound)
    writer.put(file.eventMicroseconds?.lowerBound ?? 1)
    writer.put(file.eventMicroseconds?.upperBound ?? 0)
    var flags: Flags = file.hasUntimed ? .untimed : []
    if file.checksum != nil { flags.insert(.checksum) }
    writer.put(flags.rawValue)
    writer.put(Int64(file.byteCount))
    writer.put(file.schemaID)
    writer.put(file.checksum ?? 0)
    writer.put(UInt32(file.location.utf8.count))
    writer.put(UInt32(file.marks.count))
    writer.put(file.location)
    writer.pad()
    for mark in file.marks {
      writer.put(mark.offset.rawValue)
      writer.put(mark.microseconds ?? endOfStream)
    }
    return writer.bytes
  }

  /// In the place of a time.
  private static let endOfStream = Int64.min

  static func file(from payload: Buffer, first: Offset) -> ColdFile? {
    var reader = ByteReader(payload)
    guard let next = reader.number(Int64.self), next > first.rawValue,
      let ingestLow = reader.number(Int64.self), let ingestHigh = reader.number(Int64.self),
      ingestLow <= ingestHigh, let eventLow = reader.number(Int64.self),
      let eventHigh = reader.number(Int64.self), let flags = reader.number(UInt64.self),
      let byteCount = reader.number(Int64.self), let schemaID = reader.number(UInt32.self),
      let checksum = reader.number(UInt32.self), let nameCount = reader.number(UInt32.self),
      let markCount = reader.number(UInt32.self),
      let location = reader.text(byteCount: Int(nameCount))
    else { return nil }
    reader.pad()
    var file = ColdFile(
      offsets: first..<Offset(next), location: location, byteCount: Int(byteCount),
      schemaID: schemaID, ingestMicroseconds: ingestLow...ingestHigh)
    file.eventMicroseconds = eventLow <= eventHigh ? eventLow...eventHigh : nil
    file.hasUntimed = Flags(rawValue: flags).contains(.untimed)
    file.checksum = Flags(rawValue: flags).contains(.checksum) ? checksum : nil
    for _ in 0..<markCount {
      guard let offset = reader.number(Int64.self), let time = reader.number(Int64.self) else {
        return nil
      }
      file.marks.append(
        ColdMark(offset: Offset(offset), microseconds: time == endOfStream ? nil : time))
    }
    return file
  }
}

extension Footer {
  /// The cold files of all topics, behind everything else.
  func putCold(in writer: inout ByteWriter) {
    let list = topics.filter { !$0.cold.isEmpty }
    writer.put(UInt32(list.count))
    writer.put(UInt32(0))
    for topic in list {
      writer.put(topic.id.rawValue)
      writer.put(UInt32(topic.cold.count))
      for file in topic.cold {
        let bytes = ColdFrame.bytes(of: file)
        writer.put(UInt32(bytes.count))
        writer.put(UInt32(0))
        writer.put(file.offsets.lowerBound.rawValue)
        writer.bytes += bytes
        writer.pad()
      }
    }
  }

  /// Footers of version 1 have none.
  mutating func readCold(_ reader: inout ByteReader) -> Bool {
    guard !reader.rest.isEmpty else { return true }
    guard let count = reader.number(UInt32.self), reader.number(UInt32.self) != nil else {
      return false
    }
    for _ in 0..<count {
      guard let id = reader.number(UInt32.self), let fileCount = reader.number(UInt32.self),
        let index = topics.firstIndex(where: { $0.id.rawValue == id })
      else { return false }
      for _ in 0..<fileCount {
        guard let byteCount = reader.number(UInt32.self), reader.number(UInt32.self) != nil,
          let first = reader.number(Int64.self), let bytes = reader.take(Int(byteCount)),
          let file = ColdFrame.file(from: bytes, first: Offset(first))
        else { return false }
        reader.pad()
        topics[index].cold.append(file)
      }
    }
    return true
  }

  var hasCold: Bool { topics.contains { !$0.cold.isEmpty } }
}
