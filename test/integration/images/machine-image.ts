import { copyFileSync, writeFileSync } from 'node:fs';
import type { Image } from '../../../src/model/image.ts';
import { importImage } from '../../../src/operations/import-image.ts';
import { finishDisk } from '../../../src/operations/steps/finish-disk.ts';
import { finishFile } from '../../../src/operations/steps/finish-file.ts';
import { publishImage } from '../../../src/operations/steps/publish-image.ts';
import { runToEnd } from '../../support/image-core.ts';
import { type ImageFixture, importRequest, qemuImg, writeRawDisk } from './image-fixture.ts';

const ID = '3f1c1d5e-5a6b-4c7d-8e9f-0000000000aa';

/** As a capture leaves it: secrets, host paths and all. */
const DOMAIN_XML = `<domain type="kvm">
  <name>web-1</name><uuid>7d2f0b1c-1111-4222-8333-000000000009</uuid><memory unit="MiB">512</memory><vcpu>1</vcpu>
  <os><type arch="x86_64" machine="q35">hvm</type><loader readonly="yes" type="pflash">/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
    <nvram template="/usr/share/OVMF/OVMF_VARS_4M.fd">/var/lib/libvirt/qemu/nvram/web-1_VARS.fd</nvram></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type="file" device="disk"><driver name="qemu" type="qcow2"/><source file="/var/lib/vms/web-1.qcow2"/><target dev="vda" bus="virtio"/></disk>
    <disk type="file" device="disk"><driver name="qemu" type="raw"/><source file="/var/lib/vms/web-1.raw"/><target dev="vdb" bus="virtio"/></disk>
    <interface type="ethernet"><script path="/tmp/fake-script"/></interface>
    <serial type="file"><source path="/var/log/serial.log"/></serial>
    <tpm model="tpm-tis"><backend type="emulator" version="2.0"/></tpm>
  </devices>
</domain>`;

/** An image of two disks, one of them raw, with firmware variables, TPM state and a machine. */
export async function publishMachine(fixture: ImageFixture): Promise<Image> {
  const core = fixture.core();
  await fixture.store.assertWritable();
  const draft = await fixture.store.createDraft(ID);
  const signal = new AbortController().signal;
  const raw = writeRawDisk(fixture.path('machine.content'));
  qemuImg('convert', '-f', 'raw', '-O', 'qcow2', raw, draft.path('disk-vda.qcow2'));
  copyFileSync(raw, draft.path('disk-vdb.raw'));
  const vda = { file: 'disk-vda.qcow2', target: 'vda', format: 'qcow2', isCopied: true } as const;
  const vdb = { file: 'disk-vdb.raw', target: 'vdb', format: 'raw', isCopied: true } as const;
  const disks = [await finishDisk(core, draft, vda, signal), await finishDisk(core, draft, vdb, signal)];
  writeFileSync(draft.path('nvram.fd'), 'variables');
  writeFileSync(draft.path('tpm/tpm2/tpm2-00.permall'), 'seeds and keys');
  writeFileSync(draft.path('domain.xml'), DOMAIN_XML);
  await draft.seal('domain.xml', { isSecret: true });
  return await publishImage(core, draft, {
    name: 'web',
    description: 'two disks',
    disks,
    minDiskGiB: 1,
    minMemoryMiB: 512,
    consistency: { requested: 'auto', achieved: 'quiesced', freezeMs: 12.5, pauseMs: 0 },
    instanceOwner: null,
    skippedDisks: [{ target: 'sda', device: 'cdrom', reason: 'cdrom' }],
    nvram: await finishFile(core, draft, 'nvram.fd'),
    tpm: [await finishFile(core, draft, 'tpm/tpm2/tpm2-00.permall')],
    properties: {
      image_type: 'snapshot',
      instance_uuid: '7d2f0b1c-1111-4222-8333-000000000009',
      hw_disk_bus: 'virtio',
      team: 'blue',
    },
  });
}

/** An image of one disk. */
export async function importOne(fixture: ImageFixture): Promise<Image> {
  const raw = writeRawDisk(fixture.path('content.raw'));
  const operation = await runToEnd(fixture.core(), importImage, importRequest(raw));
  return await fixture.store.readImage(operation.result.imageId ?? '');
}
