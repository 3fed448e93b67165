extension Batch {
  /// The first column with a text that is not UTF-8, and its row.
  ///
  /// For batches from producers that promise nothing about their text; those of the IPC decoder are checked already.
  public func firstInvalidText() -> (column: String, row: Int)? {
    for (field, column) in zip(schema.fields, columns) {
      if let row = column.firstInvalidText() { return (field.name, row) }
    }
    return nil
  }
}

extension Column {
  /// The row of the first text that is not UTF-8; of a nested column, the row in the part that holds the text.
  func firstInvalidText() -> Int? {
    let own: Int? =
      switch type {
      case .utf8: invalidText(Int32.self)
      case .largeUTF8: invalidText(Int64.self)
      case .utf8View: invalidTextView()
      default: nil
      }
    if let own { return own }
    for part in children + (dictionary.map { [$0] } ?? []) {
      if let row = part.firstInvalidText() { return row }
    }
    return nil
  }

  private func invalidText<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ type: Offset.Type
  ) -> Int? {
    guard count > 0, buffers.count == 3 else { return nil }
    let (offsetBuffer, data) = (buffers[1], buffers[2])
    let offsets = offsetBuffer.values(as: Offset.self)
    let start = Int(offsets[0])
    let all = data.slice(from: start, byteCount: Int(offsets[count]) - start)
    if unsafe UTF8Check.asciiEnd(all.unsafeBytes, from: 0) == all.count { return nil }
    return (0..<count).first { row in
      guard isValid(at: row) else { return false }
      let start = Int(offsets[row])
      let value = data.slice(from: start, byteCount: Int(offsets[row + 1]) - start)
      return unsafe !UTF8Check.isValid(value.unsafeBytes)
    }
  }

  private func invalidTextView() -> Int? {
    guard buffers.count >= 2 else { return nil }
    let views = buffers[1]
    let words = views.values(as: Int32.self)
    return (0..<count).first { row in
      guard isValid(at: row) else { return false }
      let length = Int(words[row * 4])
      let value: Buffer
      if length <= 12 {
        value = views.slice(from: row * 16 + 4, byteCount: length)
      } else {
        let index = Int(words[row * 4 + 2])
        guard index >= 0, index + 2 < buffers.count else { return true }
        value = buffers[index + 2].slice(from: Int(words[row * 4 + 3]), byteCount: length)
        guard value.count == length else { return true }
      }
      return unsafe !UTF8Check.isValid(value.unsafeBytes)
    }
  }
}
