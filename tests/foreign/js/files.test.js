'use strict'

const assert = require('node:assert/strict')
const { randomBytes } = require('node:crypto')
const { mkdtemp, readFile, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { Readable } = require('node:stream')
const { before, test } = require('node:test')
const { Tozny, newClient, newType, pages, ids } = require('./sdk')

let writer
let reader
before(async () => {
  writer = await newClient('file writer')
  reader = await newClient('file reader')
})

// Bytes as a stream in pieces of 64 KiB, as streams of files are. Streams in other pieces the package seals so that it
// cannot open them again.
function stream(bytes) {
  const pieces = []
  for (let at = 0; at < bytes.length; at += 65536) pieces.push(bytes.subarray(at, at + 65536))
  return Readable.from(pieces)
}

async function write(bytes, type = newType('file'), plain = {}) {
  const file = await writer.writeFile(type, stream(bytes), plain)
  return file.record()
}

async function contents(client, id) {
  const pieces = []
  for await (const piece of await (await client.getFile(id)).read()) pieces.push(piece)
  return Buffer.concat(pieces)
}

// One byte, the sizes around a block of the sealed form, and several blocks.
for (const size of [1, 65535, 65536, 65537, 300000]) {
  test(`a file of ${size} bytes comes back as it was written`, async () => {
    const bytes = randomBytes(size)
    const record = await write(bytes)
    assert.ok(record.isFile)
    assert.deepEqual(await contents(writer, record.meta.recordId), bytes)
  })
}

test('a file can be saved to disk', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'tozstore-file-'))
  try {
    const record = await write(Buffer.from('saved'))
    const target = path.join(folder, 'file')
    await Tozny.helpers.saveFile(await writer.getFile(record.meta.recordId), target)
    assert.equal(await readFile(target, 'utf8'), 'saved')
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a record tells of its file, and a query finds it', async () => {
  const type = newType('described')
  const record = await write(Buffer.from('described'), type, { label: 'seen' })
  const read = await writer.readRecord(record.meta.recordId)
  const [[found]] = await pages(writer.query(true, null, null, type))
  for (const seen of [record, read, found]) {
    assert.ok(seen.isFile)
    assert.equal(seen.meta.plain.label, 'seen')
    assert.equal(seen.meta.fileMeta.checksum, record.meta.fileMeta.checksum)
    assert.ok(Number(seen.meta.fileMeta.size) > 'described'.length)
    assert.ok(seen.meta.fileMeta.fileName)
  }
})

test('a search finds a file by what its metadata say', async () => {
  const type = newType('searched')
  const record = await write(Buffer.from('searched'), type, { colour: 'red' })
  await write(Buffer.from('other'), type, { colour: 'blue' })
  const request = new Tozny.types.Search(true).match({ type, values: ['red'] }, 'AND')
  const found = await (await writer.search(request)).next()
  assert.deepEqual(ids(found), [record.meta.recordId])
  assert.equal((await contents(writer, found[0].meta.recordId)).toString(), 'searched')
})

test('the metadata of a file change, and its content stays', async () => {
  const record = await write(Buffer.from('kept'), newType('updated'), { colour: 'red' })
  record.meta.plain.colour = 'blue'
  const updated = await writer.updateRecord(record)
  assert.notEqual(updated.meta.version, record.meta.version)
  const read = await writer.readRecord(record.meta.recordId)
  assert.equal(read.meta.plain.colour, 'blue')
  assert.ok(read.isFile)
  assert.equal((await contents(writer, record.meta.recordId)).toString(), 'kept')
})

test('a file is read by whom its type is shared with, and by no one else', async () => {
  const type = newType('shared')
  const record = await write(Buffer.from('shared'), type)
  const id = record.meta.recordId
  await assert.rejects(contents(reader, id), /Not Found/)
  await writer.share(type, reader.config.clientId)
  assert.equal((await contents(reader, id)).toString(), 'shared')
  await writer.revoke(type, reader.config.clientId)
  await assert.rejects(contents(reader, id), /Not Found/)
})

test('a deleted file is gone', async () => {
  const record = await write(Buffer.from('deleted'))
  await writer.deleteRecord(record.meta.recordId, record.meta.version)
  await assert.rejects(contents(writer, record.meta.recordId), /Not Found/)
})

test('a record without a file has none to read', async () => {
  const record = await writer.writeRecord(newType('bare'), { word: 'hello' })
  assert.ok(!record.isFile)
  await assert.rejects(contents(writer, record.meta.recordId), /Not Found/)
})
