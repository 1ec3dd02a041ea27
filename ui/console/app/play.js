// Plays a recording.
const place = document.getElementById('player');
AsciinemaPlayer.create(`/console/recording/${place.dataset.id}.cast?play=1`, place, { fit: 'both', idleTimeLimit: 3, terminalFontSize: '15px' });
