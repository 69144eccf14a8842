'use strict'

const assert = require('node:assert/strict')
const { beforeEach, test } = require('node:test')
const { idOf, newClient, newType } = require('./sdk')

let writer
let reader
let type
beforeEach(async () => {
  writer = await newClient('sharing writer')
  reader = await newClient('sharing reader')
  type = newType('shared')
})

test('both sides see what is shared', async () => {
  assert.deepEqual([await writer.outgoingSharing(), await reader.incomingSharing()], [[], []])
  await writer.writeRecord(type, { word: 'hello' })
  await writer.share(type, idOf(reader))
  const [outgoing] = await writer.outgoingSharing()
  assert.deepEqual([outgoing.readerId, outgoing.recordType], [idOf(reader), type])
  const [incoming] = await reader.incomingSharing()
  assert.deepEqual([incoming.writerId, incoming.recordType], [idOf(writer), type])
  assert.deepEqual([await writer.incomingSharing(), await reader.outgoingSharing()], [[], []])
  await writer.revoke(type, idOf(reader))
  assert.deepEqual([await writer.outgoingSharing(), await reader.incomingSharing()], [[], []])
})

test('a type is shared before its first record', async () => {
  await writer.share(type, idOf(reader))
  const record = await writer.writeRecord(type, { word: 'later' })
  assert.equal((await reader.readRecord(record.meta.recordId)).data.word, 'later')
})

test('sharing twice is a conflict, sharing after revoking is none', async () => {
  const record = await writer.writeRecord(type, { word: 'hello' })
  await writer.share(type, idOf(reader))
  await assert.rejects(writer.share(type, idOf(reader)), /Conflict/)
  await writer.revoke(type, idOf(reader))
  await writer.share(type, idOf(reader))
  assert.equal((await reader.readRecord(record.meta.recordId)).data.word, 'hello')
})

test('a reader does not change or delete what it reads', async () => {
  const record = await writer.writeRecord(type, { word: 'hello' })
  await writer.share(type, idOf(reader))
  const read = await reader.readRecord(record.meta.recordId)
  read.data.word = 'changed'
  await assert.rejects(reader.updateRecord(read), /Forbidden/)
  // The package takes a refusal to delete for "it is gone", whatever the reason.
  await reader.deleteRecord(read.meta.recordId, read.meta.version)
  assert.equal((await writer.readRecord(record.meta.recordId)).data.word, 'hello')
})

test('there is no sharing with one who does not exist', async () => {
  await writer.writeRecord(type, { word: 'hello' })
  await assert.rejects(writer.share(type, '6bc381c7-a41d-45ae-89aa-0890ad654673'), /Not Found/)
})

test('of two who change a record at once, one is told', async () => {
  const written = await writer.writeRecord(type, { word: 'first' })
  const [one, other] = [await writer.readRecord(written.meta.recordId), await writer.readRecord(written.meta.recordId)]
  one.data.word = 'second'
  other.data.word = 'third'
  await writer.updateRecord(one)
  await assert.rejects(writer.updateRecord(other), /Conflict/)
  await assert.rejects(writer.deleteRecord(written.meta.recordId, written.meta.version), /Conflict/)
  assert.equal((await writer.readRecord(written.meta.recordId)).data.word, 'second')
})
