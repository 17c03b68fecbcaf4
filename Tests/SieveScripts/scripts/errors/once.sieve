frobnicate "a";
frobnicate "b";
if frobnicate "c" { frobnicate "d"; }
if frobnicate "e" { keep :unheard; }
keep :unheard;
keep :unheard2;
fileinto "a";
fileinto "b";
