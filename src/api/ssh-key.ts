/** Types that OpenSSH reads from authorized_keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT). */
const KEY_TYPE =
  /^(ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)(-cert-v01@openssh\.com)?$/;
const MAX_LENGTH = 16_384;

/**
 * What is wrong with a line that should be a public key, or null. Never quotes the line: it may be a private key given
 * by mistake.
 */
export function judgePublicKey(line: string): string | null {
  if (/PRIVATE KEY/.test(line)) return 'is a private key: give the public one, which usually ends in .pub';
  if (line.length > MAX_LENGTH) return 'is too long for a public key';
  if (/[\p{Cc}\p{Cs}]/u.test(line.replaceAll('\t', ' '))) return 'is not one line of text';
  const [type, blob] = line.trim().split(/\s+/);
  if (type === undefined || !KEY_TYPE.test(type)) return "does not begin with a key type such as 'ssh-ed25519'";
  if (blob === undefined || readBlobType(blob) !== type) return `does not hold a key of the type ${type}`;
  return null;
}

/** Public key lines of the text of a key file: neither blank lines nor comments. */
export function splitPublicKeys(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** A key blob begins with its own type, as a string with a 32-bit length (RFC 4253, 6.6). */
function readBlobType(blob: string): string | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(blob)) return null;
  const bytes = Buffer.from(blob, 'base64');
  if (bytes.length < 4) return null;
  const length = bytes.readUInt32BE(0);
  return length > bytes.length - 4 ? null : bytes.subarray(4, 4 + length).toString('latin1');
}
