'use strict'

// The JavaScript SDK as a process: one JSON request a line in, one JSON answer a line out.
// Credentials are in the official JSON format.

const readline = require('node:readline')
const Tozny = require('@toznysecure/sdk/node')

const clients = new Map()

function clientFor(credentials) {
  const id = credentials.client_id
  if (!clients.has(id)) {
    clients.set(id, new Tozny.storage.Client(Tozny.storage.Config.fromObject(credentials)))
  }
  return clients.get(id)
}

const plainRecord = (record) => ({
  id: record.meta.recordId,
  version: record.meta.version,
  data: { ...record.data },
  plain: { ...record.meta.plain },
})

const operations = {
  async register({ token, name, apiUrl }) {
    const keys = await Tozny.crypto.generateKeypair()
    const signing = await Tozny.crypto.generateSigningKeypair()
    const details = await Tozny.storage.register(token, name, keys, signing, false, apiUrl)
    return {
      version: 2,
      api_url: apiUrl,
      client_id: details.clientId,
      api_key_id: details.apiKeyId,
      api_secret: details.apiSecret,
      client_email: '',
      public_key: keys.publicKey,
      private_key: keys.privateKey,
      public_signing_key: signing.publicKey,
      private_signing_key: signing.privateKey,
    }
  },
  async write({ credentials, type, data, plain }) {
    return plainRecord(await clientFor(credentials).writeRecord(type, data, plain))
  },
  async read({ credentials, id }) {
    return plainRecord(await clientFor(credentials).readRecord(id))
  },
  async update({ credentials, id, changes }) {
    const record = await clientFor(credentials).readRecord(id)
    Object.assign(record.data, changes)
    return plainRecord(await clientFor(credentials).updateRecord(record))
  },
  async list({ credentials, writer, type }) {
    const page = await clientFor(credentials).query(true, writer, null, type).next()
    return page.map(plainRecord)
  },
  async listAll({ credentials }) {
    const page = await clientFor(credentials).query(true, 'all').next()
    return page.map(plainRecord)
  },
  async search({ credentials, types }) {
    const search = new Tozny.types.Search(true, true, 50)
    for (const type of types) search.match({ type })
    const found = await (await clientFor(credentials).search(search)).next()
    return found.map(plainRecord)
  },
  async outgoing({ credentials }) {
    const shares = await clientFor(credentials).outgoingSharing()
    return shares.map((share) => ({ type: share.recordType, other: share.readerId }))
  },
  async incoming({ credentials }) {
    const shares = await clientFor(credentials).incomingSharing()
    return shares.map((share) => ({ type: share.recordType, other: share.writerId }))
  },
  async share({ credentials, type, reader }) {
    await clientFor(credentials).share(type, reader)
    return null
  },
  async revoke({ credentials, type, reader }) {
    await clientFor(credentials).revoke(type, reader)
    return null
  },
  async createGroup({ credentials, name }) {
    const made = await clientFor(credentials).createGroup(name, { manage: true, read: true, share: true }, '')
    return made.group.groupID
  },
  async addToGroup({ credentials, group, member, rights }) {
    const capabilities = Object.fromEntries(rights.map((right) => [right, true]))
    await clientFor(credentials).addGroupMembers(group, [new Tozny.types.GroupMember(member, capabilities)])
    return null
  },
  async removeFromGroup({ credentials, group, member }) {
    await clientFor(credentials).removeGroupMembers(group, [member])
    return null
  },
  async shareWithGroup({ credentials, group, type }) {
    await clientFor(credentials).shareRecordWithGroup(group, type)
    return null
  },
  async groupRecords({ credentials, group }) {
    const [records = []] = await clientFor(credentials).listRecordsSharedWithGroup(group)
    return records.map(plainRecord)
  },
  // Keys are cached in a client, so a fresh one shows what the server gives today.
  async forget() {
    clients.clear()
    return null
  },
}

async function answer(line) {
  try {
    const request = JSON.parse(line)
    return { ok: await operations[request.operation](request) }
  } catch (error) {
    return { error: String(error && error.message ? error.message : error) }
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`)
  }
}

main()
