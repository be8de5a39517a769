/** Image files are read by QEMU through their group, and changed by nobody. */
export const IMAGE_FILE_MODE = 0o440;
export const SECRET_FILE_MODE = 0o600;
