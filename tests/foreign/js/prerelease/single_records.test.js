'use strict'

const assert = require('node:assert/strict')
const { beforeEach, test } = require('node:test')
const { idOf, newClient, newType, pages } = require('../sdk')

let writer
let reader
let type
let record
let other
beforeEach(async () => {
  writer = await newClient('single writer')
  reader = await newClient('single reader')
  type = newType('single')
  const write = async (word) => (await writer.writeRecord(type, { word })).meta.recordId
  record = await write('shared')
  other = await write('kept')
})

const read = async (id) => (await reader.readRecord(id)).data.word

test('one record is shared, and no other of its type', async () => {
  await assert.rejects(read(record), /Not Found/)
  await writer.shareWithUser(type, idOf(reader), record)
  assert.equal(await read(record), 'shared')
  await assert.rejects(read(other), /Not Found/)
  await writer.revokeRecord(type, idOf(reader), record)
  await assert.rejects(read(record), /Not Found/)
})

test('listings and queries show whole types', async () => {
  await writer.shareWithUser(type, idOf(reader), record)
  assert.deepEqual([await writer.outgoingSharing(), await reader.incomingSharing()], [[], []])
  assert.deepEqual(await pages(reader.query(true, 'all', null, type)), [])
})

test('an authorizer shares one record on behalf of the writer, and takes that back', async () => {
  const authorizer = await newClient('single authorizer')
  await assert.rejects(authorizer.shareOnBehalfOfUser(idOf(writer), type, idOf(reader), record))
  await writer.addAuthorizer(type, idOf(authorizer))
  await authorizer.shareOnBehalfOfUser(idOf(writer), type, idOf(reader), record)
  assert.equal(await read(record), 'shared')
  await assert.rejects(read(other), /Not Found/)
  await authorizer.revokeOnBehalfOfRecord(idOf(writer), type, idOf(reader), record)
  await assert.rejects(read(record), /Not Found/)
})

test('a reader gives up one record', async () => {
  await writer.shareWithUser(type, idOf(reader), record)
  assert.equal(await reader.revokeRecordForMe(idOf(writer), type, idOf(reader), record), true)
  await assert.rejects(read(record), /Not Found/)
})

test('another record of the type is a conflict, as the package puts the same key again', async () => {
  await writer.shareWithUser(type, idOf(reader), record)
  await assert.rejects(writer.shareWithUser(type, idOf(reader), other), /Conflict/)
  assert.equal(await read(record), 'shared')
})
