// English and Chinese of links, saved views and the images of a gallery.

export const SHARING = {
  "link.copy": ["Copy link", "复制链接"],
  "link.copied": ["Link copied", "已复制链接"],
  "link.manual": ["This browser does not let a page copy. The link to this number:", "此浏览器不允许网页复制。指向这个数的链接："],
  "view.save": ["Save this view", "保存当前视图"],
  "view.saved": ["Saved as {0}", "已保存为 {0}"],
  "gallery.title": ["Images", "图像"],
  "gallery.right": ["Image {0}: {1}, named rightly", "图像 {0}：{1}，判断正确"],
  "gallery.wrong": ["Image {0}: {1}, wrongly named {2}", "图像 {0}：{1}，误判为 {2}"],
  "gallery.outline": ["The circle marks what the label is about; the network does not see it.", "圆圈标出标签所指之处，网络看不到它。"],
  "gallery.other": ["This page holds the engine's numbers for one image; for the others it computes all numbers itself.", "本页只保存了引擎对其中一张图像的数值；其他图像的数值全部由本页计算。"],
};
