# Makes a root of its own in the namespaces that systemd-machine.ts gave it, and becomes systemd there. Everything goes with the last process.
#   $1 an empty folder   $2 the hostname   $3... folder=type=options of each cgroup mount, its folder below /sys/fs/cgroup
set -e
base=$1 root=$1/root
hostname "$2"
shift 2
mount -t tmpfs tmpfs "$base"
mkdir "$base/upper" "$base/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" overlay "$root"

mount -t proc proc "$root/proc"
# The kernel's settings are the whole machine's: systemd must not set them.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
for mount in "$@"; do
  folder=${mount%%=*} rest=${mount#*=}
  mkdir -p "$root/sys/fs/cgroup/$folder"
  mount -t "${rest%%=*}" -o "${rest#*=}" cgroup "$root/sys/fs/cgroup/$folder"
done
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do
  touch "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

# Of the host's units only what the test needs; none that sets up a machine.
units=/etc/systemd/test
rm -rf "$root/etc/systemd/system" "$root/etc/sentinel" "$root/opt/sentinel"
mkdir -p "$root/etc/systemd/system" "$root$units/multi-user.target.wants"
for unit in multi-user.target basic.target sysinit.target sockets.target local-fs.target network-online.target shutdown.target umount.target \
  final.target systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket; do
  cp "/lib/systemd/system/$unit" "$root$units/$unit"
done
for unit in systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket; do
  ln -s "../$unit" "$root$units/multi-user.target.wants/$unit"
done

ip link set lo up
cd "$root"
mkdir -p mnt/old
pivot_root . mnt/old
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH="/etc/systemd/system:$units" SYSTEMD_GENERATOR_PATH=/none \
  sh -c 'umount -l /mnt/old && exec setpriv --bounding-set=-sys_module,-sys_time,-sys_boot,-sys_rawio /lib/systemd/systemd --system --unit=multi-user.target'
